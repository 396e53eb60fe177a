-- Tells Redis how leases stand that a server handed out or took back while Redis was away from it.
--
-- KEYS  the two of concurrency, the marker of this merge
-- ARGV  tag, now or '' for the server's, not after or '', least time to live in ms, the marker's time to live in ms, '1' if
--       all leases ended first else '', the time to live of a lease in ms, then for each lease, little-endian: 8 ms that
--       it has left, 4 its cost, or 0 if it was released, the rest its id
--
-- Returns tag, 1, now, how many leases were told, 0. Too late: tag, 2, now.
--
-- A lease is told as it stands, so telling it again is harmless; only the reset is guarded by the marker. What was handed
-- out counts, also beyond the limit.

local now = time_of(ARGV[2])
if is_late(now, ARGV[3]) then return { ARGV[1], TOO_LATE, now } end
local least = tonumber(ARGV[4])
if ARGV[6] ~= '' and redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('SET', KEYS[3], '', 'PX', ARGV[5])
end
local m = { key = KEYS[1], costs = KEYS[2], window = tonumber(ARGV[7]), at = now, used = 0, reset = 0 }
leases_look(m, now)
leases_prune(m)
for i = 8, #ARGV do
  local left, cost, at = struct.unpack('<I8I4', ARGV[i])
  local id = ARGV[i]:sub(at)
  local known = tonumber(redis.call('HGET', m.costs, id) or '')
  if cost == 0 then
    redis.call('ZREM', m.key, id)
    redis.call('HDEL', m.costs, id)
    m.total = m.total - (known or 0)
  elseif left > 0 then
    redis.call('ZADD', m.key, text(now + left), id)
    if not known then
      redis.call('HSET', m.costs, id, text(cost))
      m.total = m.total + cost
    end
  end
end
leases_write(m, m.at, least)
return { ARGV[1], YES, now, #ARGV - 7, 0 }
