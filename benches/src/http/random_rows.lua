-- GET /item/ID with another ID each time: wrk -s random_rows.lua URL -- ROWS
-- The sequence is the same in each run, so that all servers are asked for the same rows.

local before, after, rows

function init(args)
   rows = tonumber(args[1])
   -- Written once: what wrk spends on a request is time that the server does not have.
   before, after = wrk.format("GET", "/item/@"):match("^(.-)@(.*)$")
end

function request()
   return before .. math.random(rows) .. after
end

-- Requests answered, microseconds, the 99th percentile of latency in microseconds, and what went wrong.
function done(summary, latency, requests)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   print("result", summary.requests, summary.duration, latency:percentile(99), failed)
end
