/** All commands, put together; `main.ts` runs it, the completion and the docs read it. */
import { Command } from 'commander'
import { version } from '../version.ts'
import { addAgent } from './commands/agent.ts'
import { addBackup } from './commands/backup.ts'
import { addBroker } from './commands/broker.ts'
import { addBundle } from './commands/bundle.ts'
import { addCompletion } from './commands/completion.ts'
import { addDeploy } from './commands/deploy.ts'
import { addDevices } from './commands/devices.ts'
import { addDiagnose } from './commands/diagnose.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEnroll } from './commands/enroll.ts'
import { addEvents } from './commands/events.ts'
import { addExporter } from './commands/exporter.ts'
import { addGet } from './commands/get.ts'
import { addHistory } from './commands/history.ts'
import { addHold } from './commands/hold.ts'
import { addHomeAssistant } from './commands/home-assistant.ts'
import { addLabel } from './commands/label.ts'
import { addLoad } from './commands/load.ts'
import { addLogs } from './commands/logs.ts'
import { addMaintain } from './commands/maintain.ts'
import { addPlan } from './commands/plan.ts'
import { addRemove } from './commands/remove.ts'
import { addRestart } from './commands/restart.ts'
import { addRollback } from './commands/rollback.ts'
import { addRun } from './commands/run.ts'
import { addSecret } from './commands/secret.ts'
import { addStatus } from './commands/status.ts'
import { addStop } from './commands/stop.ts'
import { addTelemetry } from './commands/telemetry.ts'
import { addTop } from './commands/top.ts'
import { addValidate } from './commands/validate.ts'

export const createProgram = (): Command => {
  const program = new Command('longshore')
    .description('Runs containers at the edge over the MQTT that a site already has.')
    .version(version)
    .showHelpAfterError('(see --help)')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
A first deployment, in three terminals:
  longshore broker
  longshore agent --device gw-1 --state ./state
  longshore deploy hello -f examples/hello/compose.yaml --device gw-1 --wait

Exit codes: 0 done, 1 failed, refused or rolled back, 2 bad usage or an invalid file, 3 nobody answered in time`,
    )
  const parts = [
    addDeploy,
    addStatus,
    addTop,
    addEnroll,
    addEvents,
    addLogs,
    addPlan,
    addRemove,
    addRollback,
    addHistory,
    addHold,
    addStop,
    addRestart,
    addRun,
    addGet,
    addValidate,
    addDevices,
    addDoctor,
    addLabel,
    addTelemetry,
    addMaintain,
    addDiagnose,
    addSecret,
    addBackup,
    addBundle,
    addLoad,
    addAgent,
    addBroker,
    addExporter,
    addHomeAssistant,
    addCompletion,
  ]
  for (const add of parts) add(program)
  return program
}
