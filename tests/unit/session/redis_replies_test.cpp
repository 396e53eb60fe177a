// Goal: a reply that belongs to another question is never taken for an answer, and a damaged one never for a session.
// Method: replies are built by hand, whole and mangled.
#include "session/redis_replies.hpp"

#include <gtest/gtest.h>

#include <list>
#include <string>
#include <vector>

namespace envoyou::session::redis_replies_test {
namespace {

using redis::ReplyType;
using redis::ReplyView;

// Owns what a view looks into.
class Replies {
 public:
  ReplyView text(std::string value) {
    texts_.push_back(std::move(value));
    ReplyView view;
    view.type = ReplyType::kString;
    view.text = texts_.back();
    return view;
  }
  ReplyView array(std::vector<ReplyView> elements) {
    lists_.push_back(std::move(elements));
    ReplyView view;
    view.type = ReplyType::kArray;
    view.elements = lists_.back();
    return view;
  }
  ReplyView texts(const Fields& values) {
    std::vector<ReplyView> views;
    for (const auto& value : values) views.push_back(text(value));
    return array(std::move(views));
  }

 private:
  std::list<std::string> texts_;
  std::list<std::vector<ReplyView>> lists_;
};

const Address kAddress{"a-name", "abcdef"};

Fields session_fields() {
  return {"f",    "1", "q",    "a-name", "p",    "cuser", "u",    "user", "d",   "{}", "n",  "{}", "a", "",  "c",
          "1000", "l", "2000", "m",      "1500", "x",     "9000", "i",    "500", "e",  "77", "v",  "3", "w", "change"};
}

TEST(RedisReplies, ReadsASession) {
  Replies replies;
  const auto fields = decode_session(replies.texts(session_fields()), tag_of_name("a-name"));
  ASSERT_TRUE(fields);
  const auto record = parse_record(*fields, kAddress);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->user_id, "user");
  EXPECT_EQ(record->version, 3U);
  EXPECT_EQ(record->epoch, 77);
  EXPECT_EQ(record->ends_ms(), 2'500);
  EXPECT_EQ(record->source, Source::kRedis);
}

TEST(RedisReplies, TakesAnotherSessionForForeign) {
  Replies replies;
  const auto fields = decode_session(replies.texts(session_fields()), tag_of_name("another"));
  ASSERT_FALSE(fields);
  EXPECT_EQ(fields.error().code(), Errc::kForeignReply);
  EXPECT_EQ(parse_record(session_fields(), {"another", "abcdef"}).error().code(), Errc::kForeignReply);
}

TEST(RedisReplies, TakesWhatIsNoHashForForeign) {
  Replies replies;
  const auto tag = tag_of_name("a-name");
  EXPECT_EQ(decode_session(replies.text("OK"), tag).error().code(), Errc::kForeignReply);
  EXPECT_EQ(decode_session(replies.texts({"f"}), tag).error().code(), Errc::kForeignReply);
  EXPECT_EQ(decode_session(replies.texts({"other", "hash"}), tag).error().code(), Errc::kForeignReply);
  EXPECT_TRUE(decode_session(replies.texts({}), tag)->empty());
  EXPECT_EQ(decode_fields(ReplyView{}, 0).error().code(), Errc::kForeignReply);
}

TEST(RedisReplies, TakesAScriptsReplyOnlyWithItsTag) {
  Replies replies;
  const std::uint64_t tag = 0xfeedfacecafebeefULL;
  const auto reply = [&](const std::string& echoed) {
    return replies.array(
        {replies.text(echoed), replies.text("done"), replies.text("1700000000123"), replies.texts({"a", "b"})});
  };
  const auto told = decode_told(reply("feedfacecafebeef"), tag);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->status, "done");
  EXPECT_EQ(told->now_ms, 1'700'000'000'123);
  EXPECT_EQ(told->lists, (std::vector<Fields>{{"a", "b"}}));
  EXPECT_EQ(decode_told(reply("feedfacecafebee0"), tag).error().code(), Errc::kForeignReply);
  EXPECT_EQ(decode_told(replies.texts({"feedfacecafebeef"}), tag).error().code(), Errc::kForeignReply);
  EXPECT_EQ(decode_told(replies.texts({"feedfacecafebeef", "done", "soon"}), tag).error().code(), Errc::kForeignReply);
}

TEST(RedisReplies, SaysSoWhenASessionDoesNotDecode) {
  for (const char* missing : {"p", "u", "c", "l", "m", "x", "i", "e", "v"}) {
    Fields fields = session_fields();
    for (std::size_t i = 0; i < fields.size(); i += 2)
      if (fields[i] == missing) fields[i + 1] = "";
    EXPECT_EQ(parse_record(fields, kAddress).error().code(), Errc::kIncoherent) << missing;
  }
  Fields newer = session_fields();
  newer[1] = "2";
  EXPECT_EQ(parse_record(newer, kAddress).error().code(), Errc::kIncoherent);
  Fields negative = session_fields();
  negative[15] = "-1";
  EXPECT_EQ(parse_record(negative, kAddress).error().code(), Errc::kIncoherent);
}

TEST(RedisReplies, FindsAnEpochAmongThoseOfOthers) {
  const Fields epochs{"cother", "5:0:", "cuser", "1700000000000:1699999999999:xyz"};
  EXPECT_EQ(epoch_in(epochs, "cuser"), 1'700'000'000'000);
  EXPECT_EQ(epoch_in(epochs, "cnobody"), 0);
  EXPECT_EQ(epoch_in({}, "cuser"), 0);
  EXPECT_EQ(epoch_in({"cuser", "garbage"}, "cuser"), 0);
}

TEST(RedisReplies, ReadsTheTime) {
  Replies replies;
  EXPECT_EQ(*decode_time(replies.texts({"1700000000", "123999"}), 0), 1'700'000'000'123);
  EXPECT_FALSE(decode_time(replies.texts({"1700000000"}), 0));
}

}  // namespace
}  // namespace envoyou::session::redis_replies_test
