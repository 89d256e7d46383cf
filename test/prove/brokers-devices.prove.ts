/** What a device says and does: all of it that runs on any broker, on the one that TEST_BROKER names. */
import '../support/count-tests.ts'
import '../e2e/logs.real.test.ts'
import '../e2e/networks.real.test.ts'
import '../e2e/policy.real.test.ts'
import '../e2e/refused.real.test.ts'
import '../e2e/telemetry.real.test.ts'
import '../e2e/trouble.real.test.ts'
