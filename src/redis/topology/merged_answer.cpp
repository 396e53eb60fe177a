#include "redis/topology/merged_answer.hpp"

#include <envoyou/redis/reply.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

struct PartState {
  std::vector<std::uint32_t> places;
  std::vector<Reply> elements;
  std::int64_t number = 0;
  std::optional<Error> error;
};

class MergedAnswer {
 public:
  MergedAnswer(const CommandSpec& spec, const std::vector<Part>& parts, ReaderHandle whole)
      : spec_(spec), whole_(std::move(whole)), parts_(parts.size()), left_(parts.size()) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts_[i].places = parts[i].places;
      keys_ += parts[i].places.size();
    }
  }

  // Each index once; the last one answers the caller.
  Verdict on_reply(std::size_t index, const ReplyView& reply) noexcept {
    PartState& part = parts_[index];
    const bool fits = spec_.merge == Merge::kSum ? reply.is_integer()
                                                 : reply.is_aggregate() && reply.elements.size() == part.places.size();
    if (!fits) {
      part.error = Error(Errc::kForeignReply, "a part's reply has another shape");
    } else if (spec_.merge == Merge::kSum) {
      part.number = reply.integer;
    } else {
      keep(part, reply);
    }
    const Verdict whole = arrived();
    return fits ? whole : Verdict::kForeign;
  }
  void on_error(std::size_t index, Error error) noexcept {
    parts_[index].error = std::move(error);
    (void)arrived();
  }

 private:
  static void keep(PartState& part, const ReplyView& reply) noexcept {
    try {
      part.elements.reserve(reply.elements.size());
      for (const ReplyView& element : reply.elements) part.elements.push_back(Reply::from(element));
    } catch (const std::bad_alloc&) {
      part.error = Error(Errc::kOutOfMemory);
    }
  }

  Verdict arrived() noexcept {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return Verdict::kMine;
    const ReaderHandle last = std::move(whole_);
    if (const auto failed = failure()) {
      last->on_error(*failed);
      return Verdict::kMine;
    }
    return spec_.merge == Merge::kSum ? answer_sum(last) : answer_elements(last);
  }

  std::optional<Error> failure() const noexcept {
    const PartState* failed = nullptr;
    bool may_be_done = false;
    for (const PartState& part : parts_) {
      if (part.error && failed == nullptr) failed = &part;
      may_be_done = may_be_done || !part.error || part.error->is_ambiguous();
    }
    if (failed == nullptr) return std::nullopt;
    if (spec_.reads || !may_be_done) return failed->error;
    return Error(Errc::kConnectionLost, "only a part of " + std::string(spec_.name) +
                                            " was done: " + std::string(to_string(failed->error->code())) + ", " +
                                            std::string(failed->error->message()));
  }

  Verdict answer_sum(const ReaderHandle& reader) const noexcept {
    ReplyView sum;
    sum.type = ReplyType::kInteger;
    for (const PartState& part : parts_) sum.integer += part.number;
    return reader.on_reply(sum);
  }

  Verdict answer_elements(const ReaderHandle& reader) const noexcept {
    try {
      std::vector<ReplyView> elements(keys_);
      for (const PartState& part : parts_) {
        for (std::size_t i = 0; i < part.places.size(); ++i) {
          const Reply& kept = part.elements[i];
          ReplyView& view = elements[part.places[i]];
          view.type = kept.type;
          view.integer = kept.integer;
          view.number = kept.number;
          view.text = kept.text;
        }
      }
      ReplyView all;
      all.type = ReplyType::kArray;
      all.elements = elements;
      return reader.on_reply(all);
    } catch (const std::bad_alloc&) {
      reader.on_error(Error(Errc::kOutOfMemory));
      return Verdict::kMine;
    }
  }

  const CommandSpec& spec_;
  ReaderHandle whole_;
  std::vector<PartState> parts_;
  std::size_t keys_ = 0;
  std::atomic<std::size_t> left_;
};

class PartReader final : public ReplyReader {
 public:
  PartReader(std::shared_ptr<MergedAnswer> answer, std::size_t index) : answer_(std::move(answer)), index_(index) {}

  Verdict on_reply(const ReplyView& reply) noexcept override { return answer_->on_reply(index_, reply); }
  void on_error(Error error) noexcept override { answer_->on_error(index_, std::move(error)); }

 private:
  ~PartReader() override = default;

  std::shared_ptr<MergedAnswer> answer_;
  std::size_t index_;
};

}  // namespace

std::vector<ReaderHandle> readers_of_parts(const CommandSpec& spec, const std::vector<Part>& parts,
                                           ReaderHandle whole) {
  auto answer = std::make_shared<MergedAnswer>(spec, parts, std::move(whole));
  std::vector<ReaderHandle> readers;
  readers.reserve(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) readers.emplace_back(new PartReader(answer, i));
  return readers;
}

}  // namespace envoyou::redis
