-- KEYS session, epochs
-- ARGV tag, base, name
local now = now_ms()
local stands = standing(KEYS[1], KEYS[2])
finish(ARGV[2], ARGV[3], 'd', now, nil)
return {ARGV[1], stands, whole(now)}
