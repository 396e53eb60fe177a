// GET /limits: a page that shows the limiter at work; GET /limits/live: what it shows, as server-sent events.
#include "responses.hpp"
#include "router.hpp"
#include "text.hpp"

#include <envoyou/limiter/live.hpp>

#include <atomic>
#include <memory>
#include <optional>

#include "limits_page.hpp"

namespace api {
namespace {

constexpr int kMaxFeeds = 16;  // each holds a thread
constexpr std::chrono::milliseconds kFeedInterval{1'000};

// Who asks is nobody's business who looks at the page: "key 5f2a91…" instead of the key, the same each time.
std::string masked(const std::string& key) { return key.substr(0, key.find(' ') + 1) + sha256_hex(key).substr(0, 12); }

envoyou::LimiterLive shown(envoyou::Services& services) {
  envoyou::LimiterLive live = services.limiter().live();
  for (auto* keys : {&live.top_used, &live.top_denied, &live.top_shadow_denied}) {
    for (envoyou::TopKey& each : *keys) each.key = masked(each.key);
  }
  return live;
}

// One client's feed: counts itself while it lives, and knows what the client has.
class Feed {
 public:
  Feed(App app, std::shared_ptr<std::atomic<int>> feeds) : app_(app), feeds_(std::move(feeds)) {}
  ~Feed() { --*feeds_; }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Empty when the server ends.
  std::string next() {
    if (before_ && !app_.ending.pause(kFeedInterval)) return {};
    envoyou::LimiterLive now = shown(app_.services);
    std::string event = envoyou::to_event(now, before_ ? &*before_ : nullptr);
    before_ = std::move(now);
    return event;
  }

 private:
  App app_;
  std::shared_ptr<std::atomic<int>> feeds_;
  std::optional<envoyou::LimiterLive> before_;
};

Response page() {
  return {200,
          {{"Content-Type", "text/html; charset=utf-8"},
           {"Content-Security-Policy",
            "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"}},
          std::string(kLimitsPage)};
}

}  // namespace

void add_limits_routes(Router& router) {
  router.add("GET", "/limits", [](Call&) { return page(); });
  const auto feeds = std::make_shared<std::atomic<int>>(0);
  router.add("GET", "/limits/live", [feeds](Call& call) {
    if (++*feeds > kMaxFeeds) {
      --*feeds;
      return problem(503, "there are " + std::to_string(kMaxFeeds) + " feeds already");
    }
    const auto feed = std::make_shared<Feed>(call.app, feeds);
    return Response{
        200, {{"Content-Type", std::string(envoyou::kLiveFeedContentType)}, {"Cache-Control", "no-store"}}, {}, [feed] {
          return feed->next();
        }};
  });
}

}  // namespace api
