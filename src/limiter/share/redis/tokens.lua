-- The tokens of one key, on the clock of the Redis server. Times are in microseconds.
--
-- tokens: each lease, with the moment at which its request ended or is taken for ended; held for a period after that
-- state:  the pause, the pace, and what the service's headers showed
-- line:   the clients that wait, by their tickets; turns: when each of them is passed over
-- rates:  what all keep to, each until it is forgotten: `5:1000000` allows five requests in a second
-- server: which run of which server keeps the data, and since when
-- admitted: requests that succeeded, by the order of their tokens, and when those were granted
local tokens, state, line, turns, rates, server, admitted = unpack(KEYS)
local operation, client, lease, epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lasts, grace = tonumber(ARGV[6]), tonumber(ARGV[7])

local SECOND = 1000000
local MINUTE = 60 * SECOND
local MARGIN = SECOND / 200
local MONTH = 30 * 24 * 60 * MINUTE
-- What slows the clients down is forgotten after so many periods.
local MEMORY = 10
-- After a loss of the data, those who live report their requests within this time.
local REPORTED = SECOND
-- While the response to another client's request is awaited, the first in the line asks again after this.
local AWAITED = SECOND / 20
-- A response that decides whether the next request is sent is waited for so long.
local PATIENCE = SECOND
-- A token that is back within this time is given out ahead of it, and used then: so nobody asks again for it.
local AHEAD = SECOND / 5
-- A client that asks so much later than two round trips after its turn loses its place, as the clients say.
local SLACK = SECOND / 10
-- One more request may be under way for each so many that succeeded.
local STEP = 8
local NEVER = 1e15
-- So many successes that contradict the service's numbers prove them wrong.
local PROOF = 3
-- So many requests that succeeded are remembered: a list that Redis keeps small.
local PROVEN = 128
-- So many rates are kept to.
local RATES = 16
-- While nothing is known about a key, one request goes alone. After it, the service may be silent about how much is left,
-- of which an earlier run may have spent most.
local KNOWN, UNKNOWN, SILENT = 0, 1, 2

local function text(number)
    return string.format('%.0f', number)
end

-- The field that says until when the limits are ignored that the service states for a period.
local function ignored_until(length)
    return 'ignored_until ' .. length
end

-- For how long a token is held after the response, if the limit counts for `length`.
local function held(length)
    return length + math.ceil(length / 1000) + MARGIN
end

local time = redis.call('TIME')
local clock = time[1] * SECOND + time[2]

local fields, changed = {}, {}
do
    local stored = redis.call('HGETALL', state)
    for place = 1, #stored, 2 do
        fields[stored[place]] = stored[place + 1]
    end
end

local function get(name)
    return tonumber(fields[name]) or 0
end

local function set(name, value)
    if type(value) == 'number' then
        value = text(value)
    end
    fields[name], changed[name] = value, true
end

-- Never goes back: while the clock shows less than before, nothing has passed since the last call.
local now = math.max(clock + get('ahead'), get('last'))
set('ahead', now - clock)

-- The limits in force, the one of the shortest period first, and for how long all wait after a loss of the data: for the
-- longest of the shortest periods of all programs.
local windows, period, loss, all_rates

local function read_rates()
    local lowest = {}
    windows, loss = {}, REPORTED
    all_rates = redis.call('ZRANGE', rates, 0, -1)
    if get('rates') ~= #all_rates then
        set('rates', #all_rates)
    end
    for _, rate in ipairs(all_rates) do
        local first
        for requests, length in string.gmatch(rate, '(%d+):(%d+)') do
            length = tonumber(length)
            lowest[length] = math.min(lowest[length] or NEVER, tonumber(requests))
            first = first or length
        end
        if not string.find(rate, 'stated') then
            loss = math.max(loss, held(first))
        end
    end
    for length, requests in pairs(lowest) do
        windows[#windows + 1] = {requests = requests, length = length, held = held(length)}
    end
    table.sort(windows, function(one, other) return one.length < other.length end)
    period = windows[1] and windows[1].held or SECOND
end

-- A rate is forgotten ten of its longest periods after `from`.
local function keep_to(rate, from)
    local longest = tonumber(string.match(rate, ':(%d+)$'))
    if longest then
        redis.call('ZADD', rates, text(from + MEMORY * held(longest)), rate)
    end
end

-- Of too many rates, those that are forgotten first are so now, except for the caller's own.
local function keep_few(own)
    local surplus = redis.call('ZCARD', rates) - RATES
    if surplus <= 0 then
        return
    end
    for _, rate in ipairs(redis.call('ZRANGE', rates, 0, surplus)) do
        if rate ~= own and surplus > 0 then
            redis.call('ZREM', rates, rate)
            surplus = surplus - 1
        end
    end
end

-- The rate of the caller, those that it knew of when the data was lost, and those of the programs that used the key of
-- late.
local function keep_to_all()
    redis.call('ZREMRANGEBYSCORE', rates, '-inf', text(now))
    for rate in string.gmatch(ARGV[5], '[^,]+') do
        keep_to(rate, now)
    end
    keep_few(string.match(ARGV[5], '^[^,]*'))
    read_rates()
end

-- Without it, a loss of the data is not noticed: a user who may not ask for it gets no token.
local function information(section, pattern)
    return string.match(redis.call('INFO', section), pattern)
end

-- When the data began: a server that was started again, or another one that took over, may have lost some. This is one
-- moment for all buckets, by the clock.
local function data_since()
    local run = information('server', 'run_id:(%x+)') or 'unknown'
    local known, since = string.match(redis.call('GET', server) or '', '^(%S+) (%d+)$')
    since = tonumber(since)
    if known ~= run or since > clock then
        redis.call('SET', server, run .. ' ' .. text(clock), 'PX', text(MONTH / 1000))
        return now
    end
    if redis.call('PTTL', server) < MONTH / 2000 then
        redis.call('PEXPIRE', server, text(MONTH / 1000))
    end
    return since + get('ahead')
end

-- A server that is out of memory may have evicted the tokens and kept the rest, or have evicted all.
local function notice_eviction()
    local evicted = not fields.epoch and information('stats', 'evicted_keys:(%d+)') or '0'
    if evicted ~= '0' or get('held') + get('longest') > now and redis.call('EXISTS', tokens) == 0 then
        set('lost', now)
    end
end

-- The same of the rates. In a new epoch, those who live report the ones that they knew of.
local function notice_eviction_of_rates()
    if fields.epoch and redis.call('ZCARD', rates) < get('rates') then
        set('lost', now)
        set('epoch', now)
    end
end

-- While nobody could call, nobody could renew a lease either: those who live get the time to report.
local function extend()
    local last = get('last')
    if last == 0 or now - last < lasts / 2 then
        return
    end
    local entries = redis.call('ZRANGEBYSCORE', tokens, '(' .. text(last), '+inf', 'WITHSCORES')
    for place = 1, #entries, 2 do
        local ends = math.max(tonumber(entries[place + 1]), now + REPORTED - period)
        redis.call('ZADD', tokens, text(ends), entries[place])
    end
end

local function forget()
    local last = windows[#windows]
    set('longest', last and last.held or SECOND)
    redis.call('ZREMRANGEBYSCORE', tokens, '-inf', text(now - get('longest')))
    if redis.call('ZCARD', line) ~= redis.call('ZCARD', turns) then
        -- One of them was evicted alone: the clients join the line again.
        redis.call('DEL', line, turns)
    end
    local late = redis.call('ZRANGEBYSCORE', turns, '-inf', text(now))
    -- Lua has room for some thousand arguments.
    for first = 1, #late, 1000 do
        local last = math.min(first + 999, #late)
        redis.call('ZREM', line, unpack(late, first, last))
        redis.call('ZREM', turns, unpack(late, first, last))
    end
    if get('start') ~= KNOWN and fields.start_until and get('start_until') <= now then
        set('start', KNOWN)
    end
end

local function save()
    set('last', now)
    set('held', tonumber(redis.call('ZREVRANGE', tokens, 0, 0, 'WITHSCORES')[2] or '0'))
    local stored = {}
    for name in pairs(changed) do
        stored[#stored + 1] = name
        stored[#stored + 1] = fields[name]
    end
    redis.call('HSET', state, unpack(stored))
    local idle = get('longest') * (MEMORY + 1) + lasts + grace + MINUTE + math.max(0, get('pause') - now)
    for _, key in ipairs({tokens, state, line, turns, rates, admitted}) do
        redis.call('PEXPIRE', key, text(math.ceil(idle / 1000)))
    end
end

local since = data_since()
notice_eviction_of_rates()
keep_to_all()
notice_eviction()
if not fields.epoch then
    set('epoch', now)
    if ARGV[8] == 'cautious' then
        set('start', UNKNOWN)
        set('probe', 'first')
        set('is_second_untested', 1)
        set('is_cautious', 1)
    end
end
if epoch ~= '' and epoch ~= fields.epoch then
    -- The caller holds tokens that are not here.
    set('lost', math.max(get('lost'), get('epoch')))
end
extend()
forget()

-- The shortest limit in force, and how many of it others spend according to the service.
local function limit_in_force()
    return windows[1] and windows[1].requests or NEVER
end

local function others()
    return now < get('others_until') and get('others') or 0
end

local function out(window, at)
    return redis.call('ZCOUNT', tokens, '(' .. text(at - window.held), '+inf')
end

-- How many requests are under way: their leases are valid. The others are held for the grace.
local function under_way()
    return redis.call('ZCOUNT', tokens, '(' .. text(now + grace), '+inf')
end

-- When a client with `ahead` others before it can have a token of `window` at the soonest, and whether it can for sure.
local function back(window, limit, ahead)
    if limit <= 0 then
        return now + NEVER, false
    end
    local rounds = math.floor(ahead / limit)
    local missing = out(window, now) + ahead % limit + 1 - limit
    local at, is_sure = now, rounds == 0
    if missing > 0 then
        local from = '(' .. text(now - window.held)
        local entry = redis.call('ZRANGEBYSCORE', tokens, from, '+inf', 'WITHSCORES', 'LIMIT', missing - 1, 1)
        local ends = tonumber(entry[2] or text(now))
        -- A request under way ends now at the soonest.
        at, is_sure = math.min(ends, now) + window.held, is_sure and ends <= now
    end
    return at + rounds * window.held, is_sure
end

local function distance()
    local slow = 0
    if now < get('slow_until') then
        slow = period / limit_in_force() * 1000 / get('part')
    end
    return math.max(slow, tonumber(ARGV[9]))
end

-- Until when no token is given because data was lost.
local function lost_until()
    return windows[1] and math.max(since, get('lost')) + loss or 0
end

-- When a client with `ahead` others before it can have a token at the soonest, what it waits for, and whether there is one
-- then for sure.
local function opening(ahead)
    local at, reason, is_sure = now, 'full', true
    local function later(moment, why)
        if moment > at then
            at, reason = moment, why
        end
    end
    for place, window in ipairs(windows) do
        local limit, spent = window.requests, place == 1 and others() or 0
        local moment, is_exact = back(window, limit, ahead)
        if spent > 0 then
            moment = math.min(math.max(moment, get('others_until')), (back(window, limit - spent, ahead)))
        end
        later(moment, 'full')
        is_sure = is_sure and is_exact and spent == 0
    end
    later(lost_until(), 'full')
    later(get('pause'), 'paused')
    local between = distance()
    if between > 0 then
        later(get('granted_at') + between * (ahead + 1), 'paced')
    end
    return math.min(at, now + NEVER), reason, is_sure and reason == 'full' and lost_until() <= now
end

-- When a client asks again that waits for a response, which is here by `latest`, and for the `rounds` of clients before it.
local function awaited(latest, rounds)
    return math.min(latest, now + AWAITED) + rounds * AWAITED
end

-- Until when the request that goes alone is waited for, and why; nil if there is none. One that died is replaced.
local function alone()
    if (fields.alone or '') == '' then
        return nil
    end
    local ends = tonumber(redis.call('ZSCORE', tokens, fields.alone) or '0')
    local is_first = fields.alone_for == 'first'
    local is_over = is_first and get('start') ~= UNKNOWN
    if ends > now and not is_over then
        return is_first and get('start_until') or now + NEVER, is_first and 'first' or 'paused'
    end
    if not is_over then
        set('probe', fields.alone_for)
    end
    set('alone', '')
    return nil
end

-- So many requests are under way at most as long as it is not known what the service counts.
local function few(limit)
    return math.max(1, math.floor(limit / 20))
end

-- While little is known about the key, until when the next request waits for the response to one of those under way.
local function next_of_start()
    local limit = limit_in_force()
    local most = math.min(few(limit), 1 + math.floor(get('successes') / STEP))
    if get('start') ~= SILENT or not windows[1] or limit <= 0 or under_way() < most then
        return nil
    end
    return math.min(get('start_until'), get('granted_at') + math.min(PATIENCE, period / limit))
end

-- When the next request is due after N without a rest, and whether a response to one under way changes that: a service
-- that counts a part of the last period again refuses a second burst of N. So the requests are a part of the period
-- apart, for ten periods, and later among clients that wait, which would drift together. One that is sent away asks
-- again two round trips later at the soonest.
local function next_of_burst(before)
    local limit = limit_in_force()
    if not windows[1] or limit <= 0 or get('burst') < limit or get('is_cautious') == 0 then
        return now, false
    end
    local others = redis.call('ZCARD', line) - (redis.call('ZSCORE', line, client) and 1 or 0)
    local is_untested = get('is_second_untested') == 1 and under_way() >= few(limit)
    if not is_untested and others == 0 then
        return now, false
    end
    local between = is_untested and period / limit or (period - SECOND / 200) / 1.001 / limit
    between = math.max(0, between - (tonumber(ARGV[10]) - SLACK))
    return get('granted_at') + between * (before + 1), is_untested
end

local function ahead()
    return redis.call('ZRANK', line, client) or redis.call('ZCARD', line)
end

-- What every call returns; a token that is granted may be used from `at` on. One under way has the time of its being back
-- at the soonest.
local function report(granted, at, look, reason, before)
    local reply = {granted, math.ceil(at - now), math.ceil(look - now), reason, fields.epoch, get('seq'), before, others()}
    local limits = {}
    for place, window in ipairs(windows) do
        limits[place] = text(window.requests) .. ':' .. text(window.length)
    end
    local window = windows[1] or {held = 0}
    local first = redis.call('ZRANGEBYSCORE', tokens, '(' .. text(now - window.held), '+inf', 'WITHSCORES', 'LIMIT', 0, 32)
    reply[9], reply[10], reply[11] = table.concat(limits, ' '), out(window, granted == 1 and at or now), under_way()
    reply[12] = table.concat(all_rates, ',')
    for place = 2, #first, 2 do
        reply[#reply + 1] = math.min(tonumber(first[place]), now) + window.held - now
    end
    return reply
end

-- Counts the requests without two periods of rest in between.
local function count_burst(at)
    if at - get('granted_at') >= 2 * period then
        set('burst', 0)
        set('burst_begin', at)
    elseif at - get('burst_begin') > MEMORY * period then
        set('is_second_untested', 0)
    end
    set('burst', get('burst') + 1)
end

-- Grants a token that is to be used from `at` on.
local function grant(at, before)
    count_burst(at)
    set('seq', get('seq') + 1)
    set('granted_at', at)
    redis.call('ZADD', tokens, text(at + lasts + grace), lease)
    redis.call('ZREM', line, client)
    redis.call('ZREM', turns, client)
    if (fields.probe or '') ~= '' then
        set('alone', lease)
        set('alone_for', fields.probe)
        set('probe', '')
        if fields.alone_for == 'first' then
            set('start_until', now + PATIENCE)
        end
    end
    return report(1, at, at, 'full', before)
end

-- Joins the line, and asks again when its turn comes. The second in it looks after the first. A caller that cannot wait
-- for so long is about to fail, and takes no place.
local function wait(at, look, reason, before)
    if not redis.call('ZSCORE', line, client) then
        if at - now > tonumber(ARGV[11]) then
            return report(0, at, look, reason, before)
        end
        redis.call('ZADD', line, text(get('tickets')), client)
        set('tickets', get('tickets') + 1)
    end
    if before == 1 then
        local first = redis.call('ZRANGE', line, 0, 0)[1]
        local missed = tonumber(redis.call('ZSCORE', turns, first) or text(now))
        look = math.min(look, math.max(missed, now) + 1)
    end
    redis.call('ZADD', turns, text(math.min(look, now + NEVER) + tonumber(ARGV[10])), client)
    return report(0, at, look, reason, before)
end

local function take()
    local before = ahead()
    local ends = tonumber(redis.call('ZSCORE', tokens, lease) or '0')
    local granted_for = ends - lasts - grace
    if ends > now and math.max(get('pause'), lost_until()) > math.min(granted_for, now) then
        -- All begins anew after a pause or a loss.
        redis.call('ZREM', tokens, lease)
    elseif ends > now then
        -- It was granted before, and the reply was lost or the token not used.
        local at = math.min(math.max(now, granted_for), now + AHEAD)
        redis.call('ZADD', tokens, text(at + lasts + grace), lease)
        return report(1, at, at, 'full', before)
    end
    local at, reason, is_sure = opening(before)
    local look = at
    local latest, why = alone()
    local rounds = math.floor(before / math.max(1, limit_in_force()))
    if not latest then
        latest, why, rounds = next_of_start(), 'first', before
    end
    if latest and latest > now and awaited(latest, rounds) > at then
        look, reason = awaited(latest, rounds), why
    end
    local due, is_response_awaited = next_of_burst(before)
    if due > look then
        at, look, reason = is_response_awaited and at or due, due, 'paced'
    end
    -- The caller may be able to wait for less long, and a response to be waited for beyond that.
    local soon = now + math.min(AHEAD, tonumber(ARGV[11]))
    if look <= now or is_sure and before == 0 and look == at and at <= soon and (latest or now) <= at then
        return grant(at, before)
    end
    return wait(at, look, reason, before)
end

local function slow_down(pause)
    if get('seq') == 1 then
        -- An earlier run spent the budget: that is no reason to go slower.
        return
    end
    local part = 950
    if now < get('slow_until') then
        part = math.max(300, get('part') * 0.9)
    end
    set('part', part)
    set('slow_until', now + pause + MEMORY * period)
end

-- A 429. Those under way when it became known are the same one.
local function refused(seq, ended, asked)
    local pause = asked
    if asked < 0 then
        pause = period
    end
    if fields.barrier and seq <= get('barrier') then
        set('pause', math.max(get('pause'), asked < 0 and 0 or ended + pause))
        return
    end
    set('pause', ended + pause)
    set('barrier', get('seq'))
    set('contradictions', 0)
    set('others_ignored_until', 0)
    set('probe', 'paused')
    set('is_second_untested', 0)
    slow_down(pause)
end

-- What the first responses show. If the very first request is refused, the pause may end before all that was spent is
-- back.
local function learn(ended, is_success, is_refused, asked, remaining)
    local start = get('start')
    if start == KNOWN then
        return
    end
    if is_refused then
        set('start', SILENT)
        set('successes', 0)
        set('start_until', ended + (asked < 0 and period or asked) + 2 * period)
    elseif remaining >= 0 or get('successes') + 1 >= limit_in_force() then
        set('start', KNOWN)
    else
        if start == UNKNOWN then
            set('start', SILENT)
            set('start_until', ended + period)
        end
        set('successes', get('successes') + (is_success and 1 or 0))
    end
end

-- The limits that the service states, each for a period.
local function stated()
    local limits = {}
    for _, rate in ipairs(all_rates) do
        local limit, length = string.match(rate, '^stated (%d+):(%d+)$')
        if limit then
            limits[#limits + 1] = {limit = tonumber(limit), length = length, rate = rate}
        end
    end
    return limits
end

-- A limit that the service states for a period is in the place of the last one for it.
local function obey(limit, length, ended)
    if now < get(ignored_until(length)) then
        return
    end
    for _, last in ipairs(stated()) do
        if last.length == length then
            redis.call('ZREM', rates, last.rate)
        end
    end
    keep_to('stated ' .. text(limit) .. ':' .. length, ended)
    read_rates()
end

-- The service admitted the request of a token that was granted at `granted`. A limit that it states is ignored for some
-- periods if it certainly admitted more within one: their tokens were granted, and their responses came, within it.
local function admit(seq, granted)
    local limits = stated()
    local longest = windows[1] and windows[1].length or 0
    for _, one in ipairs(limits) do
        longest = math.max(longest, tonumber(one.length))
    end
    -- With one more, Redis would keep them as a tree from then on.
    redis.call('ZREMRANGEBYRANK', admitted, 0, -PROVEN)
    redis.call('ZADD', admitted, text(granted), text(seq))
    redis.call('ZREMRANGEBYSCORE', admitted, '-inf', text(now - longest))
    for _, one in ipairs(limits) do
        local length = tonumber(one.length)
        if redis.call('ZCOUNT', admitted, '(' .. text(now - length), '+inf') > one.limit then
            redis.call('ZREM', rates, one.rate)
            set(ignored_until(one.length), now + MEMORY * held(length))
            read_rates()
        end
    end
end

local function trust_others()
    set('doubted_since', 0)
    set('contradictions', 0)
end

-- The service has not stated for a period that others spend something.
local function is_silent_about_others()
    return now > get('others_until') + period
end

-- A request succeeded although others would have left nothing for it. After some of these, what they spend is ignored for
-- some periods.
local function contradict()
    set('contradictions', get('contradictions') + 1)
    if get('contradictions') >= PROOF then
        trust_others()
        set('others_until', 0)
        set('others_ignored_until', now + MEMORY * period)
    end
end

-- What the service's headers show: a limit, and what others spend.
local function take_in(ended, limit, remaining, ours, reset, length)
    if limit > 0 then
        obey(limit, length, ended)
    end
    if remaining < 0 or not windows[1] or windows[1].length ~= tonumber(length) then
        return
    end
    local whole = limit_in_force()
    local spent = whole - remaining - ours
    if spent <= 0 or now < get('others_ignored_until') then
        return
    end
    if is_silent_about_others() then
        set('others_since', now)
        trust_others()
    end
    if now - get('others_since') >= period then
        local most = whole - math.ceil(whole / 4)
        if spent <= most then
            set('doubted_since', 0)
        elseif get('doubted_since') == 0 then
            set('doubted_since', get('seq'))
        end
        spent = math.min(spent, most)
    end
    if spent > 0 and spent >= others() then
        set('others', spent)
        set('others_until', ended + (reset < 0 and period or math.min(period, reset)))
    end
end

local function give_back()
    local age, outcome, were_out = tonumber(ARGV[11]), ARGV[12], tonumber(ARGV[14])
    -- One from before a loss of the data was before all others.
    local seq = math.min(tonumber(ARGV[13]), get('seq'))
    local is_refused, asked, is_success = ARGV[15] == '1', tonumber(ARGV[16]), ARGV[17] == '1'
    local ended = now - age
    local granted = ended - tonumber(ARGV[22])
    local last = tonumber(redis.call('ZSCORE', tokens, lease) or '0')
    -- One that was reported before is not counted again.
    is_success = is_success and last > now
    if outcome == 'unsent' then
        redis.call('ZREM', tokens, lease)
    elseif outcome == 'silent' then
        redis.call('ZADD', tokens, text(ended + grace), lease)
    else
        redis.call('ZADD', tokens, text(ended), lease)
    end
    if fields.alone == lease then
        set('alone', '')
        if outcome ~= 'responded' then
            set('probe', fields.alone_for)
            if fields.alone_for == 'first' then
                set('start_until', now + NEVER)
            end
        end
    end
    if outcome == 'responded' then
        local remaining = is_refused and -1 or tonumber(ARGV[19])
        learn(ended, is_success, is_refused, asked, remaining)
        local is_doubted = get('doubted_since') > 0 and seq > get('doubted_since') and not is_silent_about_others()
        take_in(ended, tonumber(ARGV[18]), remaining, were_out + get('seq') - seq, tonumber(ARGV[20]), ARGV[21])
        if is_refused then
            refused(seq, ended, asked)
        elseif is_success then
            admit(seq, granted)
            if is_doubted then
                contradict()
            end
        end
    end
    return report(0, now, now, 'full', 0)
end

local function renew()
    for place = 11, #ARGV do
        redis.call('ZADD', tokens, text(now + lasts + grace), ARGV[place])
    end
    return report(0, now, now, 'full', 0)
end

-- Requests that were given up may arrive still, which a server that lost its data does not know: each with its age.
local function remind()
    for place = 11, #ARGV, 2 do
        redis.call('ZADD', tokens, text(now - tonumber(ARGV[place + 1]) + grace), ARGV[place])
    end
    return report(0, now, now, 'full', 0)
end

local function exhaust()
    set('lost', now + grace)
    return report(0, now, now, 'full', 0)
end

local reply = ({lease = take, release = give_back, renew = renew, remind = remind, exhaust = exhaust})[operation]()
save()
return reply
