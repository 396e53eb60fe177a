#include <envoyou/redis/commands/geo.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

template <>
struct Shape<GeoPosition> {
  static Result<GeoPosition> read(const ReplyView& reply) {
    auto both = Shape<std::pair<double, double>>::read(reply);
    if (!both) return both.error();
    return GeoPosition{both->first, both->second};
  }
};

template <>
struct Shape<GeoHit> {
  static Result<GeoHit> read(const ReplyView& reply) {
    if (!is_list(reply) || reply.elements.size() != 3) return no_such_shape("a member, distance, position", reply);
    auto member = Shape<std::string>::read(reply.elements[0]);
    if (!member) return member.error();
    auto distance = Shape<double>::read(reply.elements[1]);
    if (!distance) return distance.error();
    auto position = Shape<GeoPosition>::read(reply.elements[2]);
    if (!position) return position.error();
    return GeoHit{std::move(member).value(), *distance, *position};
  }
};

namespace {

using Int = std::int64_t;

std::string_view word(GeoUnit unit) {
  switch (unit) {
    case GeoUnit::kMeters: return "m";
    case GeoUnit::kKilometers: return "km";
    case GeoUnit::kMiles: return "mi";
    case GeoUnit::kFeet: break;
  }
  return "ft";
}

Words& add_position(Words& words, const GeoPosition& position) {
  return add_double(add_double(words, position.longitude), position.latitude);
}

Words searching(Words words, const GeoSearch& search) {
  if (search.from) {
    add_position(words.add("FROMLONLAT"), *search.from);
  } else {
    words.add("FROMMEMBER").add(search.from_member);
  }
  if (search.box) {
    add_double(add_double(words.add("BYBOX"), search.box->first), search.box->second);
  } else {
    add_double(words.add("BYRADIUS"), search.radius);
  }
  words.add(word(search.unit));
  add_flag(words, search.order == GeoSearch::Order::kNearest, "ASC");
  add_flag(words, search.order == GeoSearch::Order::kFarthest, "DESC");
  if (search.count > 0) words.add("COUNT").add(search.count);
  return std::move(add_flag(words, search.any && search.count > 0, "ANY"));
}

Words with_members(std::string_view name, std::string_view key, const Strings& members) {
  Words words(name, key);
  return std::move(add_all(words, members));
}

}  // namespace

Command<Int> geoadd(std::string_view key, const std::vector<GeoMember>& members, const GeoaddOptions& options) {
  Words words("GEOADD", key);
  add_flag(words, options.when == When::kIfAbsent, "NX");
  add_flag(words, options.when == When::kIfPresent, "XX");
  add_flag(words, options.count_changed, "CH");
  for (const GeoMember& each : members) add_position(words, each.position).add(each.member);
  return writes<Int>(std::move(words));
}
Command<std::optional<double>> geodist(std::string_view key, std::string_view member1, std::string_view member2,
                                       GeoUnit unit) {
  return reads<std::optional<double>>(Words("GEODIST", key, member1, member2, word(unit)));
}
Command<std::vector<std::optional<std::string>>> geohash(std::string_view key, const Strings& members) {
  return reads<std::vector<std::optional<std::string>>>(with_members("GEOHASH", key, members));
}
Command<std::vector<std::optional<GeoPosition>>> geopos(std::string_view key, const Strings& members) {
  return reads<std::vector<std::optional<GeoPosition>>>(with_members("GEOPOS", key, members));
}
Command<std::vector<std::string>> geosearch(std::string_view key, const GeoSearch& search) {
  return reads<std::vector<std::string>>(searching(Words("GEOSEARCH", key), search));
}
Command<std::vector<GeoHit>> geosearch_hits(std::string_view key, const GeoSearch& search) {
  return reads<std::vector<GeoHit>>(
      std::move(searching(Words("GEOSEARCH", key), search).add("WITHCOORD").add("WITHDIST")));
}
Command<Int> geosearchstore(std::string_view to, std::string_view from, const GeoSearch& search, bool store_distances) {
  Words words = searching(Words("GEOSEARCHSTORE", to, from), search);
  return writes<Int>(std::move(add_flag(words, store_distances, "STOREDIST")));
}

}  // namespace envoyou::redis::cmd
