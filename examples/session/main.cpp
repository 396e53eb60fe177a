// The session store alone: log in, change what is known of the user, give the session a new id, log out everywhere.
//
//   build/release/bin/example_session                        # in memory
//   REDIS_URL=redis://127.0.0.1 SESSION_DATABASE=sessions.db build/release/bin/example_session
#include <envoyou/envoyou.hpp>

#include <iostream>
#include <string_view>

namespace {

// What to do with an error depends on what it says: this program only shows it.
int fail(std::string_view what, const envoyou::Error& error) {
  std::cerr << what << ": " << to_string(error.code()) << ": " << error.message() << '\n';
  return 1;
}

int run(envoyou::SessionStore& sessions) {
  const auto made = sessions.create({.user_id = "ada", .user_data = R"({"plan":"free"})", .ip_address = "192.0.2.1"});
  if (!made) return fail("create", made.error());
  std::cout << "made " << made->handle << " for " << made->user_id << ", " << to_string(made->source) << '\n';

  // By version: two requests that change the data at the same time cannot overwrite each other.
  const auto replaced = sessions.replace(made->id, made->version, R"({"plan":"pro"})");
  if (!replaced) return fail("replace", replaced.error());
  const auto late = sessions.replace(made->id, made->version, R"({"plan":"lost"})");
  if (late || late.error().code() != envoyou::Errc::kConflict) return 1;

  // By merge: only what the patch names.
  const auto merged = sessions.merge(made->id, R"({"theme":"dark"})");
  if (!merged) return fail("merge", merged.error());
  std::cout << "version " << merged->version << ": " << merged->user_data << '\n';

  // After a login or a change of rights: whoever saw the old id has nothing.
  const auto rotated = sessions.rotate(made->id);
  if (!rotated) return fail("rotate", rotated.error());
  const auto old = sessions.get(made->id);
  if (old || old.error().code() != envoyou::Errc::kNotFound) return 1;

  const auto ended = sessions.revoke_all("ada");
  if (!ended) return fail("revoke_all", ended.error());
  std::cout << "ended " << *ended << '\n';
  return sessions.validate(rotated->id).value_or(true) ? 1 : 0;
}

}  // namespace

int main() {
  const auto config = envoyou::Config::from_env();
  if (!config) return fail("settings", config.error());
  auto services = envoyou::Services::open(*config);
  if (!services) return fail("open", services.error());
  return run(services->sessions());
}
