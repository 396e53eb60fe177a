// Entries in this process. Nothing is compressed and nothing is encoded: a payload is shared with who asked for it.
//
// What was kept in one outage is never seen in another (`era`, <envoyou/fallback.hpp>): Redis may have moved on in
// between.
#pragma once

#include "cache/backend.hpp"
#include "cache/generations.hpp"
#include "memory/bounded_store.hpp"

#include <envoyou/backing.hpp>

namespace envoyou::cache {

class MemoryBackend final : public Backend {
 public:
  MemoryBackend(memory::BoundedStoreOptions options, std::shared_ptr<Switch> fallback, std::shared_ptr<Clock> clock);

  Source source() const noexcept override { return Source::kLocal; }
  Result<LookUp> look_up(const Identity& identity, Deadline deadline) override;
  bool keep(const Identity& identity, const Stamps& stamps, const Payload& payload, Milliseconds ttl) override;
  Result<void> write(const Write& write, Deadline deadline, std::unique_lock<std::mutex> order) override;
  Result<void> purge(const Purge& purge, Deadline deadline) override;

  // The numbers that the tags have in this process: for both modes.
  Stamps stamps(const Identity& identity) const;
  void clear() { store_.clear(); }
  bool empty() const noexcept { return store_.entries() == 0; }

 private:
  struct Entry {
    Payload payload{};
    Milliseconds ttl{0};
    Stamps stamps{};
    std::uint64_t era = 0;
  };
  bool put(const Name& name, Entry entry);

  const std::shared_ptr<Switch> fallback_;
  const std::shared_ptr<Clock> clock_;
  LocalGenerations generations_;
  memory::BoundedStore<std::shared_ptr<const Entry>> store_;
};

}  // namespace envoyou::cache
