// The scripts of the session store, each behind what they have in common.
#pragma once

#include <envoyou/redis/script.hpp>

namespace envoyou::session {

struct SessionScripts {
  redis::Script create;
  redis::Script write;
  redis::Script touch;
  redis::Script rotate;
  redis::Script remove;
  redis::Script bury;
  redis::Script revoke_all;
  redis::Script list;
  redis::Script carry;
};

// Immutable, and there until the process ends: a command that is still on its way when a store is closed refers to its
// script.
const SessionScripts& session_scripts();

}  // namespace envoyou::session
