/** Makes small images on the spot, from a static busybox and with no registry: for the demo and the tests. */
import { createHash } from 'node:crypto'
import { LongshoreError } from '../protocol/reason.ts'
import { readBusybox } from './busybox.ts'
import { type TarEntry, writeTar } from './tar.ts'
import { requestUnix } from './unix-http.ts'
import { withLock } from './with-lock.ts'

export type ImageContent = {
  /** Dockerfile lines as `docker import --change` takes them: CMD, ENV, EXPOSE, HEALTHCHECK, LABEL, USER, VOLUME… */
  readonly changes?: readonly string[]
  /** Absolute path to content; executable when it starts with `#!`. Other content is another image id. */
  readonly files?: Readonly<Record<string, string>>
  /** default: the machine's own */
  readonly busyboxPath?: string
}

export const exampleImageTag = 'longshore/example:1'

/** A web server on port 8080 (PORT) with a page in /www, and every busybox applet. Returns the image id. */
export const makeExampleImage = (socketPath: string, busyboxPath?: string): Promise<string> =>
  makeImage(socketPath, exampleImageTag, {
    ...(busyboxPath === undefined ? {} : { busyboxPath }),
    changes: ['CMD ["/bin/serve"]', 'EXPOSE 8080'],
    files: { '/bin/serve': serveScript, '/www/index.html': 'Hello from Longshore\n' },
  })

/** Makes `tag` be an image of this content; returns its id. An image made from the same content is kept as it is. */
export const makeImage = async (socketPath: string, tag: string, content: ImageContent = {}): Promise<string> => {
  const archive = writeTar([...(await busyboxEntries(content.busyboxPath)), ...fileEntries(content.files ?? {})])
  const changes = ['ENV PATH=/bin', ...(content.changes ?? [])]
  const digest = createHash('sha256').update(archive).update(JSON.stringify(changes)).digest('hex')
  // Two importers of one content would make two images of it: the time of the import is part of an image id.
  return withLock('longshore-make-image', { timeoutMs: 120_000 }, async () => {
    const present = await inspect(socketPath, tag)
    if (present?.content === digest) return present.id
    await importImage(socketPath, tag, archive, [...changes, `LABEL ${contentLabel}=${digest}`])
    const made = await inspect(socketPath, tag)
    if (made === undefined) throw new LongshoreError('engine-error', `the engine imported ${tag}, but does not have it`)
    return made.id
  })
}

/** Containers inherit the labels of their image, so this one keeps away from the agent's own names. */
const contentLabel = 'image-content-sha256'

/** PID 1 has no default signal handlers: without the trap every stop would take the whole grace period. */
const serveScript = `#!/bin/sh
trap 'exit 0' TERM INT
httpd -p "\${PORT:-8080}" -h /www
while :; do sleep 3600 & wait $!; done
`

const busyboxEntries = async (path: string | undefined): Promise<TarEntry[]> => {
  const { binary, applets } = await readBusybox(path)
  const folders = ['bin', 'etc', 'tmp', 'www', 'data', 'run', 'var'].map(
    (path): TarEntry => ({ kind: 'directory', path, mode: path === 'tmp' ? 0o1777 : 0o755 }),
  )
  return [
    ...folders,
    textFile('etc/passwd', 'root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000:user:/:/bin/sh\n'),
    textFile('etc/group', 'root:x:0:\nuser:x:1000:\n'),
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: binary },
    ...applets.map((applet): TarEntry => ({ kind: 'symlink', path: `bin/${applet}`, target: 'busybox' })),
  ]
}

const fileEntries = (files: Readonly<Record<string, string>>): TarEntry[] =>
  Object.keys(files)
    .sort()
    .map((path) => textFile(path.replace(/^\//, ''), files[path] ?? ''))

const textFile = (path: string, text: string): TarEntry => ({
  kind: 'file',
  path,
  mode: text.startsWith('#!') ? 0o755 : 0o644,
  content: Buffer.from(text),
})

const inspect = async (socketPath: string, tag: string): Promise<{ id: string; content?: string } | undefined> => {
  const { status, text } = await requestUnix({ socketPath, path: `/images/${tag}/json` })
  if (status === 404) return undefined
  if (status !== 200) throw new LongshoreError('engine-error', `inspecting the image ${tag}: ${text.trim()}`)
  const image = JSON.parse(text) as { Id: string; Config?: { Labels?: Record<string, string> | null } }
  const label = image.Config?.Labels?.[contentLabel]
  return { id: image.Id, ...(label === undefined ? {} : { content: label }) }
}

const importImage = async (
  socketPath: string,
  tag: string,
  archive: Buffer,
  changes: readonly string[],
): Promise<void> => {
  // Podman passes over a tag that stands in a parameter of its own.
  const query = new URLSearchParams({ fromSrc: '-', repo: tag })
  for (const change of changes) query.append('changes', change)
  const { status, text } = await requestUnix({
    socketPath,
    method: 'POST',
    path: `/images/create?${query}`,
    body: archive,
    contentType: 'application/x-tar',
    timeoutMs: 60_000,
  })
  // The engine says 200 first and may fail later, inside the stream.
  if (status !== 200 || text.includes('"errorDetail"'))
    throw new LongshoreError('engine-error', `importing the image ${tag}: ${text.trim()}`)
}
