-- Concurrency: leases that live until they are released or their time is up (lease_book.hpp draws it).
--
-- A sorted set: score until when, member the id. Beside it a hash: id to cost, and under the empty name 14 bytes,
-- little-endian: 6 when the newest was taken, 8 the cost of all that are there, expired ones included.

local LEASES_A_TRIP = 500  -- arguments of one command

local function leases_cost(m, ids)
  local sum = 0
  for first = 1, #ids, LEASES_A_TRIP do
    local last = math.min(first + LEASES_A_TRIP - 1, #ids)
    for _, cost in ipairs(redis.call('HMGET', m.costs, unpack(ids, first, last))) do
      sum = sum + (tonumber(cost) or 0)
    end
  end
  return sum
end

local function leases_look(m, now)
  local state = redis.call('HGET', m.costs, '')
  m.total = 0
  if not state then return end
  local newest, total = struct.unpack('<I6I8', state)
  if newest > now + m.window + CLOCK_TOLERANCE then
    m.broken = true
    return
  end
  if newest > now then m.at = newest end
  m.expired = redis.call('ZRANGEBYSCORE', m.key, '-inf', text(m.at))
  m.total = total
  m.used = total - (m.expired[1] and leases_cost(m, m.expired) or 0)
  local last = redis.call('ZRANGE', m.key, -1, -1, 'WITHSCORES')
  if last[2] and tonumber(last[2]) > m.at then m.reset = tonumber(last[2]) - now end
  m.known = m.lease and redis.call('ZSCORE', m.key, m.lease)
  m.held = m.known and tonumber(m.known) > m.at
end

local function leases_wait(m, limit, capacity, cost, now)
  if m.held then return 0 end
  if cost > limit then return NEVER end
  local needed = m.used + cost - limit
  if needed <= 0 or cost == 0 then return 0 end
  local offset = 0
  while true do
    local some = redis.call('ZRANGEBYSCORE', m.key, '(' .. text(m.at), '+inf', 'WITHSCORES', 'LIMIT', offset, 100)
    if not some[1] then return 0 end
    for i = 1, #some, 2 do
      needed = needed - (tonumber(redis.call('HGET', m.costs, some[i])) or 0)
      if needed <= 0 then return tonumber(some[i + 1]) - now end
    end
    offset = offset + #some / 2
  end
end

local function leases_prune(m)
  if m.broken then
    redis.call('DEL', m.key, m.costs)
  elseif m.expired and m.expired[1] then
    for first = 1, #m.expired, LEASES_A_TRIP do
      local last = math.min(first + LEASES_A_TRIP - 1, #m.expired)
      redis.call('ZREM', m.key, unpack(m.expired, first, last))
      redis.call('HDEL', m.costs, unpack(m.expired, first, last))
    end
    m.total = m.used
  end
end

local function leases_write(m, newest, least)
  redis.call('HSET', m.costs, '', struct.pack('<I6I8', newest, m.total))
  expire(m.key, m.window, least)
  expire(m.costs, m.window, least)
end

local function leases_take(m, cost, now, least)
  leases_prune(m)
  redis.call('ZADD', m.key, text(m.at + m.window), m.lease)
  if not m.held then
    redis.call('HSET', m.costs, m.lease, text(cost))
    m.total = m.total + cost
    m.used = m.used + cost
  end
  m.reset = m.at + m.window - now
  leases_write(m, m.at, least)
end

-- Also where its time is up: a clock may step back behind that. So nothing else that has expired is removed here.
local function leases_release(m, now)
  if not m.known then return end
  local cost = tonumber(redis.call('HGET', m.costs, m.lease)) or 0
  redis.call('ZREM', m.key, m.lease)
  redis.call('HDEL', m.costs, m.lease)
  m.total = m.total - cost
  if m.held then m.used = m.used - cost end
  local newest = struct.unpack('<I6', redis.call('HGET', m.costs, ''))
  redis.call('HSET', m.costs, '', struct.pack('<I6I8', newest, m.total))
  local last = redis.call('ZRANGE', m.key, -1, -1, 'WITHSCORES')
  m.reset = last[2] and tonumber(last[2]) > m.at and tonumber(last[2]) - now or 0
end

algorithms[6] = { look = leases_look, wait = leases_wait, take = leases_take, release = leases_release }
