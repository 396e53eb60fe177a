-- Ends all sessions of a user that were made before a moment: now, unless the command was held up on its way (or carries over
-- what was revoked in an outage, where the way counts for nothing).
--
-- KEYS index, epochs
-- ARGV tag, base, part, sent at, longest life of a session, change, how long it may be on its way
local tag, base, part, change = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local sent, now = tonumber(ARGV[4]), now_ms()
if now - sent < tonumber(ARGV[7]) then sent = now end

local number, revoked, known = epoch_of(KEYS[2], part)
if number and (known == change or (sent < now and revoked >= sent)) then return {tag, 'done', whole(now), {'0'}} end
local next_number = now
if number and tonumber(number) >= now then next_number = tonumber(number) + 1 end

local ended = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local session = base .. 's:' .. name
  local created, epoch = unpack(redis.call('HMGET', session, 'c', 'e'))
  if not created then
    redis.call('ZREM', KEYS[1], name)
  elseif sent == now or tonumber(created) <= sent then
    redis.call('DEL', session)
    redis.call('ZREM', KEYS[1], name)
    if epoch == number then ended = ended + 1 end
  elseif epoch == number then
    redis.call('HSET', session, 'e', whole(next_number))
  end
end
redis.call('HSET', KEYS[2], part, whole(next_number) .. ':' .. whole(sent) .. ':' .. change)
outlive(KEYS[2], now, now + tonumber(ARGV[5]) + kEpochMargin)
return {tag, 'done', whole(now), {whole(ended)}}
