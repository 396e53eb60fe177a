// Goal: nothing that a server of a cluster, or a sentinel, says of other servers makes the client crash, read beyond
// what it was given, or believe in what cannot be: a slot or a port that there is not, a slot with two owners, more
// servers than the bounds. Method: libFuzzer. An input is read as the text of a redirect, and decoded as a reply that
// is then read as each of the kinds that topology is made of.
#include "redis/topology/cluster_discovery.hpp"
#include "redis/topology/redirect.hpp"
#include "redis/topology/sentinel_replies.hpp"
#include "redis/topology/shards.hpp"
#include "wire/decoder.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace envoyou::redis;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Endpoint& endpoint, bool may_lack_host) {
  require(endpoint.port != 0);
  require(endpoint.host.size() <= 253 && (may_lack_host || !endpoint.host.empty()));
  for (const char c : endpoint.host) require(c > ' ' && c < '\x7f');
}

void check(const Shards& shards) {
  require(shards.size() <= kMaxShards);
  std::bitset<kSlots> taken;
  for (const Shard& shard : shards) {
    check(shard.primary, false);
    require(shard.replicas.size() <= kMaxReplicas);
    for (const Endpoint& replica : shard.replicas) check(replica, false);
    for (const SlotRange& range : shard.slots) {
      require(range.first <= range.last && range.last < kSlots);
      for (std::size_t slot = range.first; slot <= range.last; ++slot) {
        require(!taken[slot]);
        taken[slot] = true;
      }
    }
  }
  require(slots_covered(shards) == taken.count());
}

void read_text(std::string_view text) {
  const Redirect redirect = parse_redirect(text);
  if (redirect.kind == Redirect::Kind::kMoved || redirect.kind == Redirect::Kind::kAsk) {
    require(redirect.slot < kSlots);
    check(redirect.to, true);
  }
  if (const auto endpoint = parse_endpoint(text)) check(*endpoint, true);
  if (const auto endpoint = read_switch(text, "main")) check(*endpoint, false);
  ClusterView view;
  read_cluster_info(text, view);
}

void read_reply(const ReplyView& reply) {
  const Endpoint asked{"asked.example", 6379};
  for (const bool tls : {false, true}) {
    if (const auto shards = read_cluster_shards(reply, asked, tls)) check(*shards);
  }
  if (const auto shards = read_cluster_slots(reply, asked)) check(*shards);
  if (const auto endpoint = read_master_address(reply)) check(*endpoint, false);
  const auto servers = read_servers(reply, 16);
  require(servers.size() <= 16);
  for (const Endpoint& server : servers) check(server, false);
  (void)is_primary_by_role(reply);
  if (reply.is_error()) read_text(reply.text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_text(bytes);
  envoyou::wire::Decoder decoder({});
  decoder.feed(bytes);
  for (;;) {
    const auto next = decoder.next();
    if (!next || *next == nullptr) return 0;
    read_reply(**next);
  }
}
