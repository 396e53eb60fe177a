-- Enters into one meter what a server admitted by itself while Redis was away from it, at the times when that was.
--
-- KEYS  the meter, the marker of this merge, then the ids of requests that are named
-- ARGV  tag, now or '' for the server's, not after or '', least time to live in ms, the marker's time to live in ms, age
--       in ms of a reset that comes first ('' for none), the meter, the admissions, oldest first; little-endian:
--         the meter: 1 algorithm, 8 window in ms, 4 rate, 8 ms until all is back as the sender sees it (GCRA)
--         an admission: 8 age in ms, 4 cost, 2 number of its request's id among those named, 0 for none
--
-- Returns tag, 1, now, how many were entered, how many of those had to be entered as of now. Too late: tag, 2, now.
--
-- A merge that is sent again, because its answer was lost, finds its marker and changes nothing. An admission whose
-- request Redis has admitted itself is left out. Ages and not times are sent, so the clocks of the two need not agree.

local ID_KEYS = 2

local now = time_of(ARGV[2])
if is_late(now, ARGV[3]) then return { ARGV[1], TOO_LATE, now } end
if redis.call('EXISTS', KEYS[2]) == 1 then return { ARGV[1], YES, now, 0, 0 } end
local least = tonumber(ARGV[4])
local kind, window, rate, ahead = struct.unpack('<BI8I4I8', ARGV[7])
local m = new_meter(KEYS[1], window, rate, now)
local algorithm = algorithms[kind]
if ARGV[6] ~= '' then algorithm.forget(m, now - tonumber(ARGV[6])) end
algorithm.look(m, now)
redis.call('SET', KEYS[2], '', 'PX', ARGV[5])

local function is_known(id)
  if id == 0 then return false end
  local key = KEYS[ID_KEYS + id]
  if redis.call('EXISTS', key) == 1 then return true end
  redis.call('SET', key, '', 'PX', text(math.max(window, least)))
  return false
end

local entries = {}
for at = 1, #ARGV[8], 14 do
  local age, cost, id = struct.unpack('<I8I4I2', ARGV[8], at)
  if not is_known(id) then entries[#entries + 1] = { at = now - age, cost = cost } end
end
local entered, as_of_now = algorithm.merge(m, entries, now, least, ahead)
return { ARGV[1], YES, now, entered, as_of_now }
