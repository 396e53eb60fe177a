// Goal: what was encoded decodes to the same, and nothing else decodes at all: not a torn, foreign, changed or hostile
// envelope. Method: round trips; every single byte flipped and every length cut; forged headers with a right checksum.
#include "cache/codec.hpp"
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"
#include "cache/names.hpp"
#include "cache/response_codec.hpp"

#include <gtest/gtest.h>

namespace envoyou::cache::codec_test {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMost = 1u << 20;
const base::Digest256 kKey = base::sha256("key");

Envelope envelope_of(std::vector<std::uint64_t> tags = {}) {
  return {.key = kKey, .written = from_unix_ms(1'700'000'000'123), .ttl = seconds(60), .tags = std::move(tags)};
}

std::string sealed(std::string_view payload, std::size_t compress_from = 1024) {
  return encode_envelope(envelope_of({1, 2, 3}), payload, compress_from);
}

Errc error_of(std::string_view bytes, std::size_t most = kMost) {
  const auto decoded = decode_envelope(bytes, kKey, most);
  return decoded ? Errc::kOk : decoded.error().code();
}

// As somebody who knows the format would change it.
std::string with_right_checksum(std::string bytes) {
  bytes.resize(bytes.size() - kEnvelopeChecksumBytes);
  base::append_u64(bytes, base::hash64(bytes));
  return bytes;
}

TEST(Envelope, GivesBackWhatWentIn) {
  for (const std::string& payload :
       {std::string(), std::string("x"), std::string(5000, 'a'), std::string("\0\xff\r\n", 4)}) {
    const auto decoded = decode_envelope(sealed(payload), kKey, kMost);
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_EQ(decoded->payload, payload);
    EXPECT_EQ(decoded->tags, (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(decoded->ttl, seconds(60));
    EXPECT_EQ(to_unix_ms(decoded->written), 1'700'000'000'123);
  }
}

TEST(Envelope, CompressesFromItsSizeOnAndOnlyWhereItHelps) {
  const std::string compressible(4096, 'a');
  EXPECT_LT(sealed(compressible).size(), 300U);
  EXPECT_GT(sealed(compressible, 5000).size(), 4096U);
  std::string noise;
  base::Jitter random(1);
  while (noise.size() < 4096) base::append_u64(noise, random.next());
  EXPECT_EQ(sealed(noise).size(), kEnvelopeHeaderBytes + 3 * 8 + noise.size() + kEnvelopeChecksumBytes);
}

TEST(Envelope, WhatPacksBestIsStillUnderTheBound) {
  const std::string zeros(kMost, '\0');
  const std::string packed = sealed(zeros);
  EXPECT_LT(packed.size(), 300U);
  const auto decoded = decode_envelope(packed, kKey, kMost);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->payload, zeros);
}

TEST(Envelope, EveryChangedByteIsNoticed) {
  for (const std::size_t compress_from : {std::size_t{1}, std::size_t{5000}}) {
    const std::string good = sealed(std::string(200, 'a'), compress_from);
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      EXPECT_EQ(error_of(bad), Errc::kIncoherent) << "at byte " << at;
    }
  }
}

TEST(Envelope, EveryCutIsNoticed) {
  const std::string good = sealed("payload");
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(error_of(good.substr(0, size)), Errc::kIncoherent) << size;
  EXPECT_EQ(error_of(good + "x"), Errc::kIncoherent);
}

TEST(Envelope, AnotherKeysEnvelopeIsForeign) {
  const auto decoded = decode_envelope(sealed("payload"), base::sha256("other key"), kMost);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), Errc::kForeignReply);
}

TEST(Envelope, ForgedHeadersAreRefusedBeforeAnythingIsAllocated) {
  const std::string good = sealed(std::string(4096, 'a'), 1);
  const auto forged = [&](std::size_t at, std::string_view bytes) {
    std::string bad = good;
    bad.replace(at, bytes.size(), bytes);
    return with_right_checksum(bad);
  };
  const std::string huge(8, '\xff');
  EXPECT_EQ(error_of(with_right_checksum(good)), Errc::kOk);
  EXPECT_EQ(error_of(forged(4, "\x02")), Errc::kIncoherent) << "version";
  EXPECT_EQ(error_of(forged(5, "\x03")), Errc::kIncoherent) << "flags";
  EXPECT_EQ(error_of(forged(5, std::string(1, '\0'))), Errc::kIncoherent) << "not compressed after all";
  EXPECT_EQ(error_of(forged(6, "\xff")), Errc::kIncoherent) << "tags";
  EXPECT_EQ(error_of(forged(6, "\x04")), Errc::kIncoherent) << "one tag more eats the payload";
  EXPECT_EQ(error_of(forged(7, "\x01")), Errc::kIncoherent) << "reserved";
  EXPECT_EQ(error_of(forged(48, huge)), Errc::kIncoherent) << "ttl";
  EXPECT_EQ(error_of(forged(56, huge)), Errc::kIncoherent) << "size";
  std::string claims;
  base::append_u64(claims, kMost);
  EXPECT_EQ(error_of(forged(56, claims)), Errc::kIncoherent) << "a megabyte out of a few bytes";
  claims.clear();
  base::append_u64(claims, 4095);
  EXPECT_EQ(error_of(forged(56, claims)), Errc::kIncoherent) << "a byte less than there is";
  EXPECT_EQ(error_of(good, 4095), Errc::kIncoherent) << "over the reader's own bound";
}

TEST(Envelope, OnlyASoundOneOfAnotherKeyIsTakenForAnotherQuestionsReply) {
  const std::string good = sealed("payload");
  const std::uint64_t mine = tag_of(kKey);
  EXPECT_TRUE(may_restate(good, mine));
  EXPECT_FALSE(may_restate(good, mine + 1));
  EXPECT_TRUE(may_restate("garbage", mine));
  EXPECT_TRUE(may_restate("", mine));
  std::string torn = good;
  torn[20] = static_cast<char>(torn[20] ^ 1);
  EXPECT_TRUE(may_restate(torn, mine));
}

TEST(ResponseCodec, GivesBackWhatWentIn) {
  const HttpResponse response{
      .status = 404, .headers = {{"A", "1"}, {"", ""}, {"b", std::string("\0\n", 2)}}, .body = "body"};
  EXPECT_EQ(decode_response(encode_response(response)).value(), response);
  EXPECT_EQ(decode_response(encode_response({})).value(), HttpResponse{});
}

TEST(ResponseCodec, RefusesWhatIsTorn) {
  const std::string good = encode_response({.status = 200, .headers = {{"name", "value"}}, .body = ""});
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(decode_response(good.substr(0, size))) << size;
  std::string many = good;
  many.replace(4, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE(decode_response(many));
  std::string status = good;
  status.replace(0, 4, std::string(4, '\0'));
  EXPECT_FALSE(decode_response(status));
}

}  // namespace
}  // namespace envoyou::cache::codec_test
