// Goal: a plain stream connects, moves bytes and fails in words, over TCP and Unix sockets; nothing blocks, nothing
// raises SIGPIPE, nothing is left open.
// Method: a real redis-server, and bare listening sockets for the faults.
#include "stream_driver.hpp"

#include "support/redis_server.hpp"
#include "testing/sockets.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

namespace envoyou::wire::socket_stream_test {
namespace {

using envoyou::testing::RedisServer;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using namespace std::chrono_literals;
namespace sockets = envoyou::testing;

int open_descriptors() {
  DIR* const directory = opendir("/proc/self/fd");
  int count = 0;
  while (directory != nullptr && readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

TEST(SocketStream, TalksToRedisOverTcpAndUnixSockets) {
  const RedisServer server = RedisServer::start({.unix_socket = true});
  StreamDriver tcp({.host = "127.0.0.1", .port = server.port()});
  ASSERT_EQ(tcp.connect(), Progress::kReady) << tcp.failure();
  const std::string value(300'000, '\0');
  EXPECT_EQ(tcp.command("SET", "key", value), "OK");
  StreamDriver local({.unix_socket = server.socket_path().string()});
  ASSERT_EQ(local.connect(), Progress::kReady) << local.failure();
  EXPECT_EQ(local.command("GET", "key"), value);
  EXPECT_EQ(local.command("STRLEN", "key"), "300000");
}

TEST(SocketStream, TalksToRedisOverIpv6) {
  const RedisServer server = RedisServer::start();
  StreamDriver driver({.host = "::1", .port = server.port()});
  if (driver.connect() != Progress::kReady) GTEST_SKIP() << "no IPv6 here: " << driver.failure();
  EXPECT_EQ(driver.command("PING"), "PONG");
}

TEST(SocketStream, SaysWhoRefusedIt) {
  const auto port = sockets::free_port();
  StreamDriver driver({.host = "127.0.0.1", .port = port});
  EXPECT_EQ(driver.connect(), Progress::kFailed);
  EXPECT_EQ(driver.failure(), "connect 127.0.0.1:" + std::to_string(port) + ": connection refused");
  EXPECT_EQ(driver.stream().failure().code(), Errc::kUnavailable);
  StreamDriver missing({.unix_socket = "/nowhere/redis.sock"});
  EXPECT_EQ(missing.connect(), Progress::kFailed);
  EXPECT_EQ(missing.failure(), "connect /nowhere/redis.sock: no such file or directory");
}

TEST(SocketStream, NeitherBlocksNorFailsWhileNobodyAnswers) {
  const sockets::UnansweredPort port;
  auto dialer = make_dialer({.host = "127.0.0.1", .port = port.port()}, [] {}).value();
  const auto before = std::chrono::steady_clock::now();
  const auto stream = dialer->dial();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(stream->advance(), Progress::kWantWrite);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 100ms);
  EXPECT_EQ(stream->failure().message(), "connect 127.0.0.1:" + std::to_string(port.port()) + ": no answer yet");
}

TEST(SocketStream, TellsAnOrderlyEndFromAReset) {
  const auto listener = sockets::listen_on(0);
  for (const auto how : {sockets::CloseHow::kFin, sockets::CloseHow::kReset}) {
    StreamDriver driver({.host = "127.0.0.1", .port = sockets::local_port(listener)});
    ASSERT_EQ(driver.connect(), Progress::kReady);
    sockets::Fd accepted(::accept(listener.get(), nullptr, nullptr));
    sockets::close_socket(accepted, how);
    std::string received;
    const auto kind = driver.read(received);
    const bool in_order = how == sockets::CloseHow::kFin;
    EXPECT_EQ(kind, in_order ? IoResult::Kind::kClosed : IoResult::Kind::kFailed);
    EXPECT_THAT(driver.failure(), EndsWith(in_order ? "closed by the peer" : "connection reset by peer"));
    EXPECT_EQ(driver.stream().failure().code(), Errc::kConnectionLost);
  }
}

TEST(SocketStream, WritingToAClosedPeerRaisesNoSigpipe) {
  struct sigaction disposition {};
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &disposition), 0);
  ASSERT_EQ(disposition.sa_handler, SIG_DFL) << "the test is worth nothing otherwise";
  const auto listener = sockets::listen_on(0);
  StreamDriver driver({.host = "127.0.0.1", .port = sockets::local_port(listener)});
  ASSERT_EQ(driver.connect(), Progress::kReady);
  sockets::Fd accepted(::accept(listener.get(), nullptr, nullptr));
  sockets::close_socket(accepted, sockets::CloseHow::kReset);
  const std::string bytes(1 << 20, 'x');
  auto kind = IoResult::Kind::kDone;
  for (int i = 0; i < 50 && kind == IoResult::Kind::kDone; ++i) kind = driver.write(bytes);
  EXPECT_EQ(kind, IoResult::Kind::kFailed);
  EXPECT_THAT(driver.failure(), HasSubstr("write 127.0.0.1:"));
  EXPECT_EQ(driver.stream().write(bytes).kind, IoResult::Kind::kFailed) << "a failure is final";
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &disposition), 0);
  EXPECT_EQ(disposition.sa_handler, SIG_DFL);
}

TEST(SocketStream, AsksForRoomWhenThePeerDoesNotRead) {
  const auto listener = sockets::listen_on(0);
  StreamDriver driver({.host = "127.0.0.1", .port = sockets::local_port(listener)});
  ASSERT_EQ(driver.connect(), Progress::kReady);
  const std::string bytes(1 << 20, 'x');
  IoResult last{IoResult::Kind::kDone};
  for (int i = 0; i < 1000 && last.kind == IoResult::Kind::kDone; ++i) last = driver.stream().write(bytes);
  EXPECT_EQ(last.kind, IoResult::Kind::kWantWrite);
}

TEST(SocketStream, HasTheOptionsThatASharedLinkNeeds) {
  const auto listener = sockets::listen_on(0);
  StreamDriver driver({.host = "127.0.0.1", .port = sockets::local_port(listener)});
  ASSERT_EQ(driver.connect(), Progress::kReady);
  const int fd = driver.stream().descriptor();
  const auto option = [fd](int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(fd, level, name, &value, &size);
    return value;
  };
  EXPECT_NE(option(IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 30'000);
  EXPECT_NE(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(SocketStream, LeavesNoDescriptorBehind) {
  const auto listener = sockets::listen_on(0);
  const auto refused = sockets::free_port();
  const int before = open_descriptors();
  for (int i = 0; i < 20; ++i) {
    StreamDriver good({.host = "127.0.0.1", .port = sockets::local_port(listener)});
    EXPECT_EQ(good.connect(), Progress::kReady);
    StreamDriver bad({.host = "127.0.0.1", .port = refused});
    EXPECT_EQ(bad.connect(), Progress::kFailed);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Dialer, RefusesSettingsThatCanNotBeDialled) {
  EXPECT_THAT(StreamDriver({.host = "127.0.0.1"}).refused(), HasSubstr("port: must be 1 to 65535"));
  EXPECT_THAT(StreamDriver({.port = 6379}).refused(), HasSubstr("host: must be"));
  EXPECT_THAT(StreamDriver({.unix_socket = std::string(200, 'x')}).refused(), HasSubstr("unix_socket: must be a path"));
}

}  // namespace
}  // namespace envoyou::wire::socket_stream_test
