/** Deployments: all of it that runs on any broker, on the one that TEST_BROKER names. */
import '../support/count-tests.ts'
import '../e2e/adopt.real.test.ts'
import '../e2e/bad-releases.real.test.ts'
import '../e2e/deploy.real.test.ts'
import '../e2e/placement.real.test.ts'
import '../e2e/project.real.test.ts'
import '../e2e/updates.real.test.ts'
import '../e2e/windows.real.test.ts'
