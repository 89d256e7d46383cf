/** `longshore broker`: the embedded broker, in the foreground; and the file of its passwords. */
import type { Command } from 'commander'
import { parsePort } from '../arguments.ts'
import { createLog, failLoudly, logLevelOption, readConfig, untilSignal } from '../daemon.ts'
import { exitCode, say } from '../output.ts'
import { givenUp, readSecretValue } from '../read-secret-value.ts'
import { addBrokerInit } from './broker-init.ts'
import { addBrokerStatus } from './broker-status.ts'

type Options = { config?: string; host?: string; port?: number; wsPort?: number; state?: string; logLevel: string }

export const addBroker = (program: Command): void => {
  const broker = program
    .command('broker')
    .description('run the embedded broker of one site in the foreground')
    .option('--config <file>', 'YAML file with the same settings; flags win')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <n>', 'port for MQTT over TCP; 0 takes a free one (default: 1883)', parsePort)
    .option('--ws-port <n>', 'port for MQTT over WebSocket (default: none)', parsePort)
    .option('--state <folder>', 'where it keeps what outlasts a restart (default: nowhere)')
    .addOption(logLevelOption())
    .action(async ({ config: file, logLevel, ...flags }: Options) => {
      const log = createLog(logLevel)
      const [{ brokerConfigSchema }, { createBroker }] = await Promise.all([
        import('../../../broker/config.ts'),
        import('../../../broker/broker.ts'),
      ])
      const config = await readConfig(brokerConfigSchema, file, flags)
      failLoudly(log)
      const running = createBroker({ ...config, log })
      process.on('SIGHUP', () => void running.reload())
      const bound = await running.start()
      log.info({ ...bound }, 'the broker listens')
      await untilSignal(log, running.stop)
    })
  addBrokerInit(broker)
  addBrokerStatus(broker)
  broker
    .command('passwd')
    .description('set the password of a user in the file of the setting users; a broker that runs takes it at once')
    .argument('<file>', 'file of passwords; made where there is none')
    .argument('<user>', 'name of the user; of a device its id')
    .option('--delete', 'take the user away')
    .addHelpText(
      'after',
      `
The password is asked for, or read from standard input.

Examples:
  longshore broker passwd /etc/longshore/broker-users ada
  openssl rand -hex 24 | tee gw-17.password | longshore broker passwd /etc/longshore/broker-users gw-17`,
    )
    .action(setPassword)
}

const setPassword = async (file: string, user: string, options: { delete?: true }): Promise<void> => {
  const { checkUserName, hashPassword } = await import('../../../broker/access/password-file.ts')
  const { changePasswordFile } = await import('../../../broker/access/change-password-file.ts')
  checkUserName(user)
  if (options.delete === true) {
    await changePasswordFile(file, user, undefined)
    return say(`${user}: taken away from ${file}`)
  }
  const advice = '--delete takes a user away'
  const { stdin, stderr } = process
  const password = await readSecretValue({ stdin, stderr, advice }).catch((error) => {
    if (error === givenUp) return undefined
    throw error
  })
  if (password === undefined) {
    process.exitCode = exitCode.interrupted
    return
  }
  await changePasswordFile(file, user, await hashPassword(password))
  say(`${user}: the password is set in ${file}`)
}
