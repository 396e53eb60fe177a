-- What all scripts of the limiter share; it is put before each of them. docs/formats.md lists the formats.
--
-- A call may say until when it is worth anything, on the server's clock. Redis reads what lay in its buffers while it
-- was frozen as soon as it goes on; by then the caller has been answered by somebody else, and the call must not
-- count a second time.
--
-- Numbers are doubles in Lua: whole and exact to 2^53. Turning them into text goes through %.0f, because Lua's own way
-- rounds to 14 digits. Products that could pass 2^53 go through muldiv.

local CLOCK_TOLERANCE = 1000  -- ms, as kClockTolerance
local NO, YES, REPEATED, TOO_LATE = 0, 1, 2, 2  -- what became of a question; and of a call
local NEVER = -1

-- The algorithms, by number: look, wait, take, refund of each (ask.lua says what they are).
local algorithms = {}

local function text(number)
  return string.format('%.0f', number)
end

-- Milliseconds: given by a replay in virtual time, else the server's own clock.
local function time_of(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function is_late(now, not_after)
  return not_after ~= '' and now > tonumber(not_after)
end

-- What an algorithm works on. Nine members: Lua makes room for sixteen, which is as many as any of them keeps in it.
local function new_meter(key, window, rate, now)
  return { key = key, window = window, rate = rate, at = now, used = 0, reset = 0, extra = 0, broken = false, total = 0 }
end

-- Keys live as long as anything in them counts.
local function expire(key, ttl, least)
  redis.call('PEXPIRE', key, ttl > least and ttl or least)
end

-- floor(a * b / c) and the remainder, exact for a <= 2^32, b and c < 2^36.
local function muldiv(a, b, c)
  local product = a * b
  if product < 2 ^ 52 then
    local quotient = math.floor(product / c)
    return quotient, product - quotient * c
  end
  local low = a % 65536
  local high = (a - low) / 65536 * b
  local first = math.floor(high / c)
  local rest = (high - first * c) * 65536 + low * b
  local second = math.floor(rest / c)
  local remainder = rest - second * c
  if remainder < 0 then second, remainder = second - 1, remainder + c end
  if remainder >= c then second, remainder = second + 1, remainder - c end
  return first * 65536 + second, remainder
end

local function muldiv_up(a, b, c)
  local quotient, remainder = muldiv(a, b, c)
  return remainder > 0 and quotient + 1 or quotient
end
