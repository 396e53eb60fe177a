#include "cache/memory_backend.hpp"

namespace envoyou::cache {

MemoryBackend::MemoryBackend(memory::BoundedStoreOptions options, std::shared_ptr<Switch> fallback,
                             std::shared_ptr<Clock> clock)
    : fallback_(std::move(fallback)), clock_(std::move(clock)), store_(std::move(options)) {}

Stamps MemoryBackend::stamps(const Identity& identity) const {
  Stamps stamps;
  for (const Tag& tag : identity.tags) stamps.tags.push_back(generations_.of(tag.name.bytes()));
  if (identity.own) stamps.own = generations_.of(identity.own->bytes());
  return stamps;
}

Result<LookUp> MemoryBackend::look_up(const Identity& identity, Deadline) {
  const std::uint64_t era = fallback_->era();
  const TimePoint now = clock_->now();
  LookUp found{.stamps = stamps(identity)};
  auto kept = store_.get(identity.entry.bytes(), now);
  if (!kept || kept->value->era != era || !still_good(kept->value->stamps, *found.stamps)) return found;
  const auto left = std::chrono::ceil<Milliseconds>(kept->expires - now);
  found.held = Held{.payload = kept->value->payload, .ttl = kept->value->ttl, .ttl_left = left};
  return found;
}

bool MemoryBackend::keep(const Identity& identity, const Stamps& stamps, const Payload& payload, Milliseconds ttl) {
  return put(identity.entry, {.payload = payload, .ttl = ttl, .stamps = stamps, .era = fallback_->era()});
}

Result<void> MemoryBackend::write(const Write& write, Deadline, std::unique_lock<std::mutex>) {
  const Name& name = write.names.front();
  if (write.payload == nullptr) {
    store_.remove(name.bytes());
  } else {
    put(name, {.payload = write.payload, .ttl = write.ttl, .stamps = {}, .era = fallback_->era()});
  }
  return {};
}

Result<void> MemoryBackend::purge(const Purge& purge, Deadline) {
  for (const Name& tag : purge.tags) generations_.bump(tag.bytes());
  for (const Name& entry : purge.entries) {
    generations_.bump(entry.bytes());
    store_.remove(entry.bytes());
  }
  return {};
}

bool MemoryBackend::put(const Name& name, Entry entry) {
  const TimePoint now = clock_->now();
  std::size_t bytes = entry.payload->size() + sizeof(Entry) + entry.stamps.tags.size() * sizeof(std::uint64_t) + 64;
  const TimePoint expires = now + entry.ttl;
  return store_.put(name.bytes(), std::make_shared<const Entry>(std::move(entry)), bytes, expires, now);
}

}  // namespace envoyou::cache
