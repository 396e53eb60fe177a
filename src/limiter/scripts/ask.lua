-- Asks one question or several, each of one caller's meters, and takes from all of a question's meters or from none.
--
-- KEYS  of each question: its meters (of concurrency two keys), then the key that blocks, then that of the request's id,
--       where it has them
-- ARGV  tag, now or '' for the server's, not after or '', least time to live in ms; then a string for each question,
--       little-endian:
--         1 flags (below), 1 number of meters, 1 number of rules, 4 cost, 8 time to live of the request's id
--         for each meter: 1 algorithm, 8 window in ms, 4 rate
--         for each rule: 1 its meter (from 1), 4 limit, 4 capacity
--         of concurrency: 2 length of the lease's id, the id
--
-- Returns tag, 1, now, meters that started afresh; then for each question: 0 denied, 1 admitted, 2 admitted before under
-- this id, which a refund makes unknown again; for each meter what is used, ms until it is reset, what the algorithm says beside; for each rule the wait in
-- ms: 0 admits, -1 never will. What is denied, or only asked, writes nothing at all. Too late: tag, 2, now.
--
-- An algorithm fills a meter `m` = { key, window, rate, at = now, used = 0, reset = 0, extra = 0 } by look(m, now), which
-- changes nothing; wait(m, limit, capacity, cost, now) judges; take(m, cost, now, least) and refund(m, units, now, least)
-- write and bring m up to date.

local TAKE, FORCE, REFUND, BLOCKS, ID, LEASE, JOINED, RELEASE = 1, 2, 4, 8, 16, 32, 64, 128
local CONCURRENCY = 6

local now = time_of(ARGV[2])
if is_late(now, ARGV[3]) then return { ARGV[1], TOO_LATE, now } end
local least = tonumber(ARGV[4])

-- Nearly every question: one rule on one meter, and nothing besides. It is answered without what follows, which Redis
-- would make anew at each call.
if #ARGV == 5 and #KEYS == 1 then
  local flags, _, rules, cost, _, kind, window, rate, _, limit, capacity = struct.unpack('<BBBI4I8BI8I4BI4I4', ARGV[5])
  if flags <= TAKE and rules == 1 then
    local algorithm = algorithms[kind]
    local m = new_meter(KEYS[1], window, rate, now)
    algorithm.look(m, now)
    local wait = algorithm.wait(m, limit, capacity, cost, now)
    local afresh = 0
    if wait == 0 and flags == TAKE and cost > 0 then
      if m.broken then afresh = 1 end
      algorithm.take(m, cost, now, least)
    end
    return { ARGV[1], YES, now, afresh, wait == 0 and YES or NO, m.used, m.reset, m.extra, wait }
  end
end

local next_key = 1
local reply = { ARGV[1], YES, now, 0 }

local function has(flags, flag)
  return flags >= flag and flags % (2 * flag) >= flag
end

local function take_key()
  next_key = next_key + 1
  return KEYS[next_key - 1]
end

local function judge(question)
  local flags, meter_count, rule_count, cost, id_ttl, at = struct.unpack('<BBBI4I8', question)
  local q = { flags = flags, cost = cost, id_ttl = id_ttl, meters = {}, waits = {}, admitted = YES }
  local lease
  if has(flags, LEASE) then lease = struct.unpack('<I2c0', question, at + 13 * meter_count + 9 * rule_count) end
  for i = 1, meter_count do
    local kind, window, rate
    kind, window, rate, at = struct.unpack('<BI8I4', question, at)
    local m = new_meter(take_key(), window, rate, now)
    m.algorithm = algorithms[kind]
    if kind == CONCURRENCY then m.costs, m.lease = take_key(), lease end
    m.algorithm.look(m, now)
    q.meters[i] = m
  end
  for i = 1, rule_count do
    local meter, limit, capacity
    meter, limit, capacity, at = struct.unpack('<BI4I4', question, at)
    local m = q.meters[meter]
    local wait = m.algorithm.wait(m, limit, capacity, cost, now)
    q.waits[i] = wait
    if wait ~= 0 then q.admitted = NO end
  end
  if has(flags, BLOCKS) then
    local blocked = redis.call('PTTL', take_key())
    if blocked > 0 then
      q.admitted = NO
      for i, wait in ipairs(q.waits) do
        if wait ~= NEVER then q.waits[i] = math.max(wait, blocked) end
      end
    end
  end
  if has(flags, ID) then
    q.id = take_key()
    if redis.call('EXISTS', q.id) == 1 then q.admitted = REPEATED end
  end
  return q
end

local function change(q)
  local flags, cost = q.flags, q.cost
  for _, m in ipairs(q.meters) do
    if has(flags, REFUND) then
      m.algorithm.refund(m, cost, now, least)
    elseif has(flags, RELEASE) then
      m.algorithm.release(m, now)
    elseif cost > 0 or m.held then
      if m.broken then reply[4] = reply[4] + 1 end
      m.algorithm.take(m, cost, now, least)
    end
  end
  if not q.id then return end
  if has(flags, REFUND) then
    redis.call('DEL', q.id)
  else
    redis.call('SET', q.id, '', 'PX', math.max(q.id_ttl, least))
  end
end

local function wants_change(q, all_admitted)
  if has(q.flags, FORCE) then return q.admitted ~= REPEATED end
  if has(q.flags, REFUND) or has(q.flags, RELEASE) then return true end
  return all_admitted and has(q.flags, TAKE) and q.admitted == YES
end

local function tell(q)
  local n = #reply
  reply[n + 1] = q.admitted
  n = n + 1
  for _, m in ipairs(q.meters) do
    reply[n + 1], reply[n + 2], reply[n + 3] = m.used, m.reset, m.extra
    n = n + 3
  end
  for _, wait in ipairs(q.waits) do
    reply[n + 1] = wait
    n = n + 1
  end
end

-- Questions that are joined are admitted together or not at all.
local group = {}
local all_admitted = true
for i = 5, #ARGV do
  local q = judge(ARGV[i])
  group[#group + 1] = q
  if q.admitted == NO then all_admitted = false end
  if not has(q.flags, JOINED) then
    for _, each in ipairs(group) do
      if wants_change(each, all_admitted) then change(each) end
      tell(each)
    end
    group = {}
    all_admitted = true
  end
end
return reply
