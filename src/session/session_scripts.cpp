#include "session/session_scripts.hpp"

#include "session/scripts.hpp"

#include <string>
#include <string_view>

namespace envoyou::session {
namespace {

redis::Script with_common(std::string_view text) {
  return redis::Script(std::string(scripts::kCommon) + std::string(text));
}

}  // namespace

const SessionScripts& session_scripts() {
  static const SessionScripts& kScripts = *new SessionScripts{
      with_common(scripts::kCreate),    with_common(scripts::kWrite),  with_common(scripts::kTouch),
      with_common(scripts::kRotate),    with_common(scripts::kRemove), with_common(scripts::kBury),
      with_common(scripts::kRevokeAll), with_common(scripts::kList),   with_common(scripts::kCarry)};
  return kScripts;
}

}  // namespace envoyou::session
