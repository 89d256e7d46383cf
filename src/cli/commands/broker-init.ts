/** `longshore broker init`: an authority, a broker with a certificate, and an operator, ready to run. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { builtAt } from '../../built-at.ts'
import { rootSchema } from '../../protocol/names.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { defaultRoot } from '../../protocol/topics.ts'
import { collect } from '../arguments.ts'
import { remark, say } from '../output.ts'
import { shellWord } from '../shell-word.ts'
import { defaultSiteFolder, siteFolderText } from '../site-folder.ts'

type Options = { dir?: string; name?: string[]; port?: number; root?: string; operator: string }

export const addBrokerInit = (broker: Command): void => {
  broker
    .command('init')
    .description(
      'make a site: its authority, the certificate of the broker, the first operator and a configuration (with --port: of TLS, default 8883). What is there already stays',
    )
    .option('--dir <folder>', siteFolderText)
    .option(
      '--name <name>',
      'host name or address by which devices reach the broker; may be given several times (default: the name of this machine)',
      collect,
    )
    .option('--root <topic>', `what stands before /v1/ in every topic (default: ${defaultRoot})`)
    .option('--operator <name>', 'name of the first operator', 'admin')
    .addHelpText(
      'after',
      `
Examples:
  longshore broker init --name broker.local
  longshore broker --config ${defaultSiteFolder}/broker.yaml`,
    )
    .action(async (_: unknown, command: Command) => init(command.optsWithGlobals()))
}

const init = async ({ dir = defaultSiteFolder, name, port = 8883, root = defaultRoot, operator }: Options) => {
  if (!rootSchema.safeParse(root).success) throw new LongshoreError('usage', `root ${JSON.stringify(root)} is no root`)
  const names = [...new Set([...(name ?? [hostname()]), hostname(), 'localhost', '127.0.0.1', '::1'])]
  const { initSite } = await import('../../../broker/enrolment/init-site.ts')
  const { brokerAddress } = await import('../../../broker/enrolment/operate.ts')
  const folder = resolve(dir)
  const site = await initSite({ folder, names, port, root, operator, nowMs: Math.max(Date.now(), builtAt) })
  for (const file of site.kept) remark(`${file}: is there already, and stays`)
  for (const file of site.made) remark(`${file}: made`)
  const run = `longshore broker --config ${shellWord(site.files.config)}`
  if (site.password === undefined) {
    say(`# run the broker:\n${run}`)
    remark(`the operator has his password; another: longshore broker passwd ${shellWord(site.files.users)} ${operator}`)
    return
  }
  const text = { address: await brokerAddress(site.files), operator, root, password: site.password }
  say(`# run the broker:
${run}

# be its operator, on this machine or on another; the password stands here and nowhere else:
${contextCommands({ ...text, authority: site.authority })}`)
}

/** Makes a context of the command, wherever they are pasted. */
const contextCommands = (context: {
  readonly address: string
  readonly operator: string
  readonly root: string
  readonly password: string
  readonly authority: string
}): string => `folder="\${XDG_CONFIG_HOME:-$HOME/.config}/longshore" && mkdir -p "$folder"
cat > "$folder/site-ca.pem" <<'END'
${context.authority.trim()}
END
(umask 077 && echo '${context.password}' > "$folder/site.password")
cat > "$folder/site.yaml" <<'END'
broker: ${context.address}
ca: site-ca.pem
username: ${JSON.stringify(context.operator)}
passwordFile: site.password${context.root === defaultRoot ? '' : `\nroot: ${JSON.stringify(context.root)}`}
END
export LONGSHORE_CONTEXT=site
longshore devices`
