// Goal: an id has one spelling, says where its session is, survives the rotation of secrets, and is never what is
// stored. Method: ids are made, and mangled in every way that a client can think of.
#include "session/naming.hpp"

#include "base/bytes.hpp"
#include "base/crypto.hpp"

#include <envoyou/session.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace envoyou::session::naming_test {
namespace {

const std::string kOld = "an old secret of some length";
const std::string kNew = "a new secret of some length!";

Naming naming(std::vector<std::string> secrets = {}) {
  return std::move(Naming::with(SecretRing::from(std::move(secrets)).value())).value();
}

std::string id_of(const Naming& names, std::string_view user = "user_123") { return names.make_id(user).value().id; }

TEST(Naming, MakesIdsThatAreDifferentEachTimeAndLeadToTheirSession) {
  const Naming names = naming();
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i) {
    const NewId made = names.make_id("user_123").value();
    EXPECT_EQ(made.id.size(), kSessionIdLength);
    EXPECT_EQ(names.parse(made.id), made.address);
    ids.insert(made.id);
  }
  EXPECT_EQ(ids.size(), 10'000U);
}

TEST(Naming, SpendsAllOfThe256BitsOnChance) {
  const Naming names = naming();
  std::string ever_set(36, '\0');
  std::string ever_clear(36, '\0');
  for (int i = 0; i < 200; ++i) {
    const std::string bytes = *base::from_base64url(id_of(names));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      ever_set[at] = static_cast<char>(ever_set[at] | bytes[at]);
      ever_clear[at] = static_cast<char>(ever_clear[at] | ~bytes[at]);
    }
  }
  EXPECT_EQ(ever_set.substr(4), std::string(32, '\xff'));
  EXPECT_EQ(ever_clear.substr(4), std::string(32, '\xff'));
}

TEST(Naming, GivesTheSessionsOfAUserOnePlaceAndThoseOfOthersAnother) {
  const Naming names = naming({kNew});
  const auto tag = names.make_id("user_123")->address.tag;
  EXPECT_EQ(names.make_id("user_123")->address.tag, tag);
  EXPECT_EQ(names.user_keys("user_123").front().tag, tag);
  EXPECT_NE(names.make_id("user_124")->address.tag, tag);
  EXPECT_EQ(tag.size(), 6U);
}

TEST(Naming, StoresAHashOfTheIdAndWithASecretAKeyedOne) {
  const NewId plain = naming().make_id("u").value();
  const auto hash = base::sha256(*base::from_base64url(plain.id));
  EXPECT_EQ(plain.address.name, base::to_base64url(base::as_bytes(hash)));
  const NewId keyed = naming({kNew}).make_id("u").value();
  const auto code = base::hmac_sha256(kNew, *base::from_base64url(keyed.id));
  EXPECT_EQ(keyed.address.name, base::to_base64url(base::as_bytes(code)));
}

TEST(Naming, RefusesEveryOtherSpelling) {
  const Naming names = naming();
  const std::string id = id_of(names);
  EXPECT_FALSE(names.parse(""));
  EXPECT_FALSE(names.parse(id.substr(1)));
  EXPECT_FALSE(names.parse(id + "="));
  EXPECT_FALSE(names.parse(id + "A"));
  EXPECT_FALSE(names.parse(std::string(7'000, 'A')));
  for (const char wrong : {'+', '/', '=', '*', ' ', '\0', '\n', ':', '{', '\xc3'}) {
    std::string mangled = id;
    mangled[20] = wrong;
    EXPECT_FALSE(names.parse(mangled)) << "with the byte " << static_cast<int>(wrong);
  }
}

TEST(Naming, NamesAnotherSessionWhenAnyCharacterIsChanged) {
  const Naming names = naming();
  const NewId made = names.make_id("u").value();
  for (std::size_t at = 0; at < made.id.size(); ++at) {
    std::string other = made.id;
    other[at] = other[at] == 'A' ? 'B' : 'A';
    const auto address = names.parse(other);
    EXPECT_TRUE(!address || address->name != made.address.name) << at;
  }
}

TEST(Naming, KnowsAtOnceAnIdOfASecretThatIsNotInTheRing) {
  const std::string old_id = id_of(naming({kOld}));
  EXPECT_TRUE(naming({kNew, kOld}).parse(old_id));
  EXPECT_FALSE(naming({kNew}).parse(old_id));
  EXPECT_FALSE(naming().parse(old_id));
  EXPECT_FALSE(naming({kNew}).parse(id_of(naming()))) << "made when there was no secret";
}

TEST(Naming, FindsTheSameSessionAfterARotationOfSecrets) {
  const NewId made = naming({kOld}).make_id("u").value();
  const Naming rotated = naming({kNew, kOld});
  EXPECT_EQ(rotated.parse(made.id), made.address);
  EXPECT_NE(rotated.make_id("u")->address.tag, made.address.tag);
  const auto users = rotated.user_keys("u");
  ASSERT_EQ(users.size(), 2U);
  EXPECT_EQ(users[1].tag, made.address.tag);
  EXPECT_EQ(users[1].part, naming({kOld}).user_keys("u").front().part);
}

TEST(Naming, KeepsASuccessorBesideTheOneItReplaces) {
  const Naming rotated = naming({kNew, kOld});
  const NewId old_one = naming({kOld}).make_id("u").value();
  const NewId next = rotated.make_successor(old_one.id).value();
  EXPECT_EQ(next.address.tag, old_one.address.tag);
  EXPECT_NE(next.address.name, old_one.address.name);
  EXPECT_EQ(rotated.parse(next.id), next.address);
  EXPECT_EQ(rotated.make_successor("nonsense").error().code(), Errc::kNotFound);
}

TEST(Naming, RefusesTwoSecretsThatCouldNotBeToldApart) {
  // One pair in 255 has the same fingerprint; among 300 there must be one.
  std::set<int> refused;
  for (int i = 0; i < 2'000 && refused.empty(); ++i) {
    const auto ring = SecretRing::from({kOld, "another secret, number " + std::to_string(i)}).value();
    const auto made = Naming::with(ring);
    if (made) continue;
    EXPECT_EQ(made.error().code(), Errc::kInvalidArgument);
    EXPECT_EQ(made.error().message().find("another secret"), std::string_view::npos);
    refused.insert(i);
  }
  EXPECT_FALSE(refused.empty());
}

TEST(Naming, GivesAHandleThatOpensNothing) {
  const NewId made = naming().make_id("u").value();
  const std::string handle = handle_of(made.address.name);
  EXPECT_EQ(handle.size(), kHandleLength);
  EXPECT_EQ(handle, handle_of(made.address.name));
  EXPECT_EQ(made.id.find(handle), std::string::npos);
  EXPECT_EQ(made.address.name.find(handle), std::string::npos);
}

}  // namespace
}  // namespace envoyou::session::naming_test
