-- An end that was acknowledged while Redis was away.
--
-- KEYS session
-- ARGV tag, base, name, until, follow ('1': what replaced it meanwhile ends, too)
local base, name = ARGV[2], ARGV[3]
local now = now_ms()
for _ = 1, 16 do
  local told = redis.call('GET', base .. 't:' .. name)
  finish(base, name, 'd', now, tonumber(ARGV[4]))
  local successor = told and string.match(told, '^r:(.+)$')
  if ARGV[5] ~= '1' or not successor then break end
  name = successor
end
return {ARGV[1], 'done', whole(now)}
