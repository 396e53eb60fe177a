// Commands for places on the earth. See types.hpp.
#pragma once

#include <envoyou/redis/commands/strings.hpp>
#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

struct GeoPosition {
  double longitude = 0;
  double latitude = 0;
};

struct GeoMember {
  GeoPosition position;
  std::string_view member;
};

enum class GeoUnit : std::uint8_t { kMeters, kKilometers, kMiles, kFeet };

struct GeoaddOptions {
  When when = When::kAlways;
  bool count_changed = false;  // CH
};

// From a member or from a position, within a circle or a box.
struct GeoSearch {
  std::string_view from_member = {};
  std::optional<GeoPosition> from = {};
  double radius = 0;                                  // of a circle
  std::optional<std::pair<double, double>> box = {};  // width and height
  GeoUnit unit = GeoUnit::kMeters;
  enum class Order : std::uint8_t { kAny, kNearest, kFarthest };
  Order order = Order::kAny;
  std::int64_t count = 0;  // 0: all
  bool any = false;        // the first `count` that are found
};

struct GeoHit {
  std::string member;
  double distance = 0;  // in the unit of the search
  GeoPosition position;
};

Command<std::int64_t> geoadd(std::string_view key, const std::vector<GeoMember>& members,
                             const GeoaddOptions& options = {});
Command<std::optional<double>> geodist(std::string_view key, std::string_view member1, std::string_view member2,
                                       GeoUnit unit = GeoUnit::kMeters);
Command<std::vector<std::optional<std::string>>> geohash(std::string_view key, const Strings& members);
Command<std::vector<std::optional<GeoPosition>>> geopos(std::string_view key, const Strings& members);
Command<std::vector<std::string>> geosearch(std::string_view key, const GeoSearch& search);
// WITHDIST and WITHCOORD.
Command<std::vector<GeoHit>> geosearch_hits(std::string_view key, const GeoSearch& search);
Command<std::int64_t> geosearchstore(std::string_view to, std::string_view from, const GeoSearch& search,
                                     bool store_distances = false);

}  // namespace envoyou::redis::cmd
