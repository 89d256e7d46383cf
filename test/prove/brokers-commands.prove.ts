/** What the command does: all of it that runs on any broker, on the one that TEST_BROKER names. */
import '../support/count-tests.ts'
import '../cli/cli.real.test.ts'
import '../cli/commands.real.test.ts'
import '../cli/events.real.test.ts'
import '../cli/label.real.test.ts'
import '../cli/updates.real.test.ts'
import '../e2e/commands.real.test.ts'
import '../fleet/secrets.real.test.ts'
