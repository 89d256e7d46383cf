/** `longshore bundle`: a release with its images in one file, for a device that no broker reaches. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { writeBundle } from '../../bundle/write-bundle.ts'
import { secretNames } from '../../compose/secret-names.ts'
import { type Bundle, bundleFormat } from '../../protocol/bundle.ts'
import { releaseDigest } from '../../protocol/digest.ts'
import { defaultMaxBytes } from '../../protocol/payload.ts'
import { operator, parseApp, parseCount } from '../arguments.ts'
import { findImages, savedNames } from '../bundle-images.ts'
import { byteProgress, megabytes } from '../byte-progress.ts'
import { type ComposeOptions, withComposeOptions } from '../compose-options.ts'
import { remark, say, sayJson } from '../output.ts'
import { prepareRelease } from '../prepare-release.ts'

type Options = ComposeOptions & {
  output: string
  platform?: string
  pull?: boolean
  engine?: string
  maxBytes: number
  json?: boolean
}

export const addBundle = (program: Command): void => {
  withComposeOptions(program.command('bundle'))
    .description('write an app and its images to one file, for a device without a broker')
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-o, --output <file>', 'the file to write; one that is there is replaced')
    .option('--platform <platform>', 'what the device is, as linux/arm64 (default: that of the engine)', parsePlatform)
    .option('--pull', 'ask the registries also for images that are on this machine')
    .option(
      '--engine <url>',
      'unix:///path or tcp://host:port of the container engine (default: $DOCKER_HOST, or the usual sockets)',
    )
    .option('--max-bytes <n>', 'the longest deployment that the device takes', parseCount, defaultMaxBytes)
    .option('--json', 'the result as JSON')
    .addHelpText(
      'after',
      `
Images that are not on the engine are pulled. Secrets do not travel in a bundle.

Examples:
  longshore bundle line3 -f compose.yaml -o line3.tar
  longshore bundle line3 -f compose.yaml -o line3.tar --platform linux/arm64`,
    )
    .action(run)
}

const parsePlatform = (text: string): string => {
  if (!/^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9]+)?$/.test(text)) throw new InvalidArgumentError('must be as linux/arm64')
  return text
}

const run = async (app: string, options: Options): Promise<void> => {
  const json = options.json === true
  const { compose, files, notes } = await prepareRelease(options, app)
  const secrets = secretNames(compose)
  if (!json) for (const note of notes) remark(`note: ${note}`)
  if (!json && secrets.length > 0)
    remark(`note: secrets do not travel in a bundle; the device must have, or get, ${secrets.join(', ')}`)
  // The engine client is loaded only by a process that needs one.
  const [{ dockerEngine }, { findEngineUrl }] = await Promise.all([
    import('../../../agent/engine/docker.ts'),
    import('../../../agent/engine/find-engine.ts'),
  ])
  const engine = dockerEngine(options.engine ?? findEngineUrl(process.env))
  const abort = new AbortController()
  const interrupt = (): void => abort.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt)
  const progress = byteProgress(process.stderr, Date.now)
  const show = json ? () => undefined : progress.show
  const { signal } = abort
  try {
    const found = await findImages({
      engine,
      model: compose,
      platform: options.platform,
      pull: options.pull === true,
      onPull: (reference, currentBytes, totalBytes) => show(`pulling ${reference}`, currentBytes, totalBytes),
      signal,
    })
    const release = releaseDigest({ compose, files })
    const bundle: Bundle = {
      format: bundleFormat,
      app,
      release,
      compose,
      files,
      ...found,
      createdAt: Date.now(),
      by: operator(),
    }
    const sizeBytes = await writeBundle({
      path: resolve(options.output),
      bundle,
      archive: () => engine.saveImages(savedNames(found.images), signal),
      onBytes: (writtenBytes) => show(`writing ${options.output}`, writtenBytes),
      signal,
    })
    progress.end()
    const { platform, images } = found
    if (json) sayJson({ app, release, output: resolve(options.output), sizeBytes, platform, images, secrets })
    else {
      const count = Object.keys(images).length
      say(
        `${options.output}: ${app} with ${count} image${count === 1 ? '' : 's'} for ${platform}, ${megabytes(sizeBytes)}`,
      )
    }
  } catch (error) {
    progress.end()
    if (!signal.aborted) throw error
    remark('given up; nothing was written')
    process.exitCode = 130
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, interrupt)
  }
}
