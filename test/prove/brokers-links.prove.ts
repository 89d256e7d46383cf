/** Links and sessions: all of it that runs on any broker, on the one that TEST_BROKER names. */
import '../support/count-tests.ts'
import '../broker/contract.real.test.ts'
import '../cli/doctor/broker.real.test.ts'
import '../e2e/joined.real.test.ts'
import '../e2e/link-life.real.test.ts'
import '../e2e/offline-frozen.real.test.ts'
import '../examples/brokers.real.test.ts'
