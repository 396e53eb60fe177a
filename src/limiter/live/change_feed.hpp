// Snapshots as server-sent events, for a page that stays open: first all, then what has changed.
//
//   id: 4711
//   event: snapshot | change
//   data: {…}                  one line; docs/limiter-live.md has the members
//
// Does not: hold a connection, a timer or the snapshot before; whoever serves keeps one `before` a client, and asks
// LiveView::version() first if snapshots are dear.
//
// Source: the WHATWG HTML standard, section 9.2, server-sent events. Pure.
#pragma once

#include <envoyou/limiter/live.hpp>

#include <string>
#include <string_view>

namespace envoyou::limiter {

inline constexpr std::string_view kChangeFeedContentType = "text/event-stream";
inline constexpr Milliseconds kChangeFeedRetry{2'000};  // after which a client that lost us comes back

// What to send for `now` to one who has `before`; nullptr: who has nothing yet. A `before` that cannot have come before
// (another process answers now, and counts from 0) is as good as none. Nothing new: a comment, which keeps proxies from
// closing a silent connection.
std::string frame(const LimiterLive& now, const LimiterLive* before);

}  // namespace envoyou::limiter
