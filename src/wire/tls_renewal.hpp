// The TLS context of one dialer, made anew when the files it was made from have changed: certificates are replaced on
// disk while a server runs, and the next connection uses the new ones. Connections that are up keep what they have.
//
// Looks at the files (three stat calls at most) once a dial, which the client's pace bounds. Files that can not be
// used, such as a certificate whose key is still to be replaced, leave the old context in use until they change once
// more.
//
// Thread rule: confined to the dialer's thread.
#pragma once

#include "wire/dialer.hpp"
#include "wire/tls_context.hpp"

#include <envoyou/result.hpp>

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace envoyou::wire {

class TlsRenewal {
 public:
  // Errors: as TlsContext::make.
  static Result<TlsRenewal> begin(const PeerSettings& peer);

  // What the next connection uses.
  const std::shared_ptr<TlsContext>& context();
  // Why changed files could not be used, once.
  std::optional<Error> take_complaint() { return std::exchange(complaint_, std::nullopt); }

 private:
  // What a file that was replaced or written to differs in.
  struct Mark {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // -1: not there
    std::int64_t modified_s = 0;
    std::int64_t modified_ns = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
  };
  using Marks = std::array<Mark, 3>;

  TlsRenewal(PeerSettings peer, Marks marks, std::shared_ptr<TlsContext> context)
      : peer_(std::move(peer)), marks_(marks), context_(std::move(context)) {}
  static Mark look_at(const std::string& file);
  static Marks look(const TlsSettings& settings);

  PeerSettings peer_;
  Marks marks_;
  std::shared_ptr<TlsContext> context_;
  std::optional<Error> complaint_;
};

}  // namespace envoyou::wire
