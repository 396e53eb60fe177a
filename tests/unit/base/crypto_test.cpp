// Goal: digests are the standard's; random numbers are there, differ, and differ in a forked child; a fork is noticed.
// Method: published vectors (FIPS 180, RFC 4231), repeated draws, a real fork.
#include "base/crypto.hpp"
#include "base/bytes.hpp"
#include "base/fork_guard.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>

namespace envoyou::base::crypto_test {
namespace {

TEST(Digests, MatchPublishedVectors) {
  EXPECT_EQ(to_hex(as_bytes(sha256("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(as_bytes(hmac_sha256("Jefe", "what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(ConstantTimeComparison, TellsEqualFromDifferent) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secret "));
}

TEST(SecureRandom, NeverRepeatsItself) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    std::array<unsigned char, 32> bytes{};
    ASSERT_TRUE(secure_random(bytes));
    seen.insert(to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(Jitter, RepeatsFromItsSeedAndStaysInRange) {
  Jitter one(7);
  Jitter two(7);
  for (int i = 0; i < 1000; ++i) {
    const double value = one.unit();
    EXPECT_EQ(value, two.unit());
    EXPECT_GE(value, 0.0);
    EXPECT_LT(value, 1.0);
  }
}

TEST(Hash64, DependsOnContentAndSeed) {
  EXPECT_EQ(hash64("a"), hash64("a"));
  EXPECT_NE(hash64("a"), hash64("b"));
  EXPECT_NE(hash64("a", 1), hash64("a", 2));
}

TEST(ForkGuard, IsNoticedInTheChildOnly) {
  const ForkGuard guard;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(guard.forked() ? 7 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_FALSE(guard.forked());
}

}  // namespace
}  // namespace envoyou::base::crypto_test
