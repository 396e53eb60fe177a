-- A session that was made or changed while Redis was away. An end always wins; else the higher version, else the later change.
--
-- KEYS session, index, epochs, tombstone
-- ARGV 1 tag, 2 base, 3 name, 4 part, 5 user, 6 data, 7 device, 8 address, 9 created, 10 last active, 11 modified,
--      12 absolute end, 13 idle, 14 version, 15 change, 16 epoch, 17 parent, 18 after, 19 most of a user, 20 changed
local tag, base, name, part = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local now = now_ms()
local created, last = math.min(tonumber(ARGV[9]), now), math.min(tonumber(ARGV[10]), now)
local modified, ends, idle = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local data, version, change, parent = ARGV[6], tonumber(ARGV[14]), ARGV[15], ARGV[17]

-- The session that this one replaces is dead from now on, unless it ended or was replaced in another way before.
local function replace_parent()
  local told = redis.call('GET', base .. 't:' .. parent)
  if told then return told == 'r:' .. name end
  local theirs, their_data = unpack(redis.call('HMGET', base .. 's:' .. parent, 'v', 'd'))
  if theirs and tonumber(theirs) > version then version, data = tonumber(theirs), their_data end
  finish(base, parent, 'r:' .. name, now, ends)
  return true
end

local function is_revoked()
  local number, revoked, by = epoch_of(KEYS[3], part)
  if not number or number == ARGV[16] then return false end
  if ARGV[18] ~= '' and ARGV[18] == by then return false end
  return created <= revoked
end

-- What Redis has of it already. 'older': that stays.
local function merge(epoch)
  local theirs, known, their_last, their_modified = unpack(redis.call('HMGET', KEYS[1], 'v', 'w', 'l', 'm'))
  local status = 'done'
  theirs, last = tonumber(theirs), math.max(last, tonumber(their_last))
  if known ~= change and ARGV[20] == '1' then
    local wins = version > theirs or (version == theirs and modified > tonumber(their_modified))
    if not wins then status = 'older' end
    if wins then
      if version == theirs then version = version + 1 end
      redis.call('HSET', KEYS[1], 'd', data, 'v', whole(version), 'm', whole(modified), 'w', change)
    end
  end
  redis.call('HSET', KEYS[1], 'l', whole(last), 'e', epoch)
  return status
end

if parent ~= '' and not replace_parent() then return {tag, 'gone', whole(now)} end
if redis.call('EXISTS', KEYS[4]) == 1 or is_revoked() then
  finish(base, name, 'd', now, nil)
  return {tag, 'gone', whole(now)}
end
if math.min(last + idle, ends) <= now then return {tag, 'gone', whole(now)} end

local status = 'done'
local epoch = join_epoch(KEYS[3], part, now, ends)
if redis.call('EXISTS', KEYS[1]) == 1 then
  status = merge(epoch)
else
  make_room(base, KEYS[2], now, tonumber(ARGV[19]))
  redis.call('HSET', KEYS[1], 'f', '1', 'q', name, 'p', part, 'u', ARGV[5], 'd', data, 'n', ARGV[7], 'a', ARGV[8],
    'c', whole(created), 'l', whole(last), 'm', whole(modified), 'x', whole(ends), 'i', whole(idle),
    'e', epoch, 'v', whole(version), 'w', change)
  redis.call('ZADD', KEYS[2], whole(ends), name)
  outlive(KEYS[2], now, ends)
end
expire(KEYS[1], last, idle, ends)
return {tag, status, whole(now), {redis.call('HGET', KEYS[1], 'v'), epoch}}
