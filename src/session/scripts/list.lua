-- KEYS index, epochs
-- ARGV tag, base, part
local tag, base = ARGV[1], ARGV[2]
local now = now_ms()
local names = redis.call('ZRANGE', KEYS[1], 0, -1)
local number = epoch_of(KEYS[2], ARGV[3])
if #names > 0 and not number then return {tag, 'unknown', whole(now)} end

local reply = {tag, 'done', whole(now)}
local fields = {'f', 'q', 'p', 'u', 'n', 'a', 'c', 'l', 'm', 'x', 'i', 'e', 'v', 'w'}
for _, name in ipairs(names) do
  local values = redis.call('HMGET', base .. 's:' .. name, unpack(fields))
  if not values[1] then
    redis.call('ZREM', KEYS[1], name)
  elseif values[12] == number then
    local session = {}
    for i, field in ipairs(fields) do
      session[2 * i - 1] = field
      session[2 * i] = values[i]
    end
    reply[#reply + 1] = session
  end
end
return reply
