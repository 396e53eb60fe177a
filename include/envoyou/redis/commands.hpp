// All typed commands. Each group has a header of its own.
#pragma once

#include <envoyou/redis/commands/bitmaps.hpp>
#include <envoyou/redis/commands/cluster.hpp>
#include <envoyou/redis/commands/functions.hpp>
#include <envoyou/redis/commands/geo.hpp>
#include <envoyou/redis/commands/hashes.hpp>
#include <envoyou/redis/commands/hyperloglog.hpp>
#include <envoyou/redis/commands/keys.hpp>
#include <envoyou/redis/commands/lists.hpp>
#include <envoyou/redis/commands/scripting.hpp>
#include <envoyou/redis/commands/server.hpp>
#include <envoyou/redis/commands/sets.hpp>
#include <envoyou/redis/commands/sorted_sets.hpp>
#include <envoyou/redis/commands/streams.hpp>
#include <envoyou/redis/commands/strings.hpp>
