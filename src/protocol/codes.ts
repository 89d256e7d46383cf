/**
 * The closed table of codes: every refusal, wait, failure and error of Longshore carries one of these, on the wire,
 * in the log and on the command line. Code branches on the code, never on a message. docs/errors.md is made from it.
 */
const table = {
  // What an operator wrote.
  usage: ['the command line is not understood', 'run the command with --help'],
  'config-invalid': ['a configuration file or context cannot be used', 'mend the named field'],
  'file-unreadable': [
    'a file named on the command line or in the Compose file cannot be read',
    'check the path and its permissions',
  ],
  'file-outside': [
    'a path beside the Compose file leads out of its folder',
    'copy the file beside the Compose file, or name an absolute path of the device',
  ],
  'file-unwritable': ['a file cannot be written', 'check its path, its permissions and the room on the disk'],
  'bundle-invalid': [
    'a file is no bundle of Longshore, is of another version, or was cut off or changed on its way',
    'make it again with longshore bundle, and copy it again as a whole',
  ],
  'file-unsuitable': [
    'a file beside the Compose file cannot travel to a device',
    'mend or remove it, or name it in .longshoreignore',
  ],
  'files-too-large': [
    'the files beside the Compose file are too many or too large for a message',
    'put them into .longshoreignore, set x-longshore: {seed: false} on the mount, or build them into the image',
  ],
  'yaml-invalid': ['the file is not valid YAML', 'mend the YAML at the line given'],
  'key-unknown': ['Compose has no such key', 'check its spelling, or prefix your own keys with x-'],
  'key-unsupported': [
    'a Compose key that Longshore does not support',
    'remove the key, or follow the advice given with it',
  ],
  'value-invalid': ['a value is of the wrong type or form', 'mend the value at the path given'],
  'variable-undefined': [
    'a variable has no value and no default',
    'set it with --set, --env-file or .env, or write ${NAME:-default}',
  ],
  'variable-invalid': ['a ${…} expression does not parse', 'write a literal dollar sign as $$'],
  'reference-missing': [
    'something names a service, network or volume that is not defined',
    'define it, or mend the name',
  ],
  'reference-circle': [
    'services or files extend or include each other in a circle',
    'take one of them out of the circle',
  ],
  'include-conflict': [
    'an included file defines a name that is defined already, in another way',
    'rename one of the two, or change what is included in a later file given with -f',
  ],
  'dependency-cycle': ['services depend on each other in a circle', 'take one depends_on out of the circle'],
  'port-duplicate': ['two services publish the same host port', 'give one of them another host port'],
  'name-duplicate': ['two services have the same container_name', 'give one of them another name'],
  'image-invalid': ['an image reference does not parse', 'write it as [registry/]name[:tag][@digest]'],

  // A message that a device refuses.
  'file-mismatch': ['a file of the deployment is not what its digest says', 'send the file again, to the byte'],
  'payload-too-large': [
    'the payload is longer than the device accepts',
    'make the deployment smaller, or raise maxBytes on the device',
  ],
  'payload-not-json': ['the payload is not JSON', 'publish with the longshore command or its client library'],
  'schema-unsupported': ['the schema number is not one that this agent speaks', 'update the agent or the client'],
  'message-invalid': ['a field is missing or of the wrong type', 'mend the field at the path given'],
  'device-mismatch': [
    'the message names another device than its topic',
    'publish it to the topic of the device it names',
  ],
  'app-mismatch': ['the message names another app than its topic', 'publish it to the topic of the app it names'],
  'release-mismatch': ['the release digest is not that of the content', 'compute the digest over the content as sent'],
  stale: ['a newer generation was seen already', 'deploy again: the client takes a higher generation'],
  'port-claimed': [
    'another app on the device publishes this host port',
    'choose another host port, or remove the other app',
  ],
  'name-claimed': [
    'another app on the device uses this container name',
    'choose another container_name, or remove the other app',
  ],
  'policy-refused': [
    'the device does not allow what the deployment asks for',
    'remove the key, or let whoever runs the device allow it in its policy.yaml, see docs/policy.md',
  ],
  'policy-invalid': [
    'a policy file of the device cannot be used; the policy before it, or the default, is in force',
    'mend the file at the line given; the agent reads it again by itself',
  ],
  'verb-unsupported': ['the agent does not know this command verb', 'see capabilities in the inventory of the device'],
  'command-interrupted': [
    'the agent ended while it carried the command out, and does not do it again by itself',
    'see what came of it, and send it again',
  ],
  'log-unreadable': [
    'the log of a container cannot be read back, as with the log driver none',
    'give the service a log driver that can be read: json-file, local or journald',
  ],
  'log-busy': [
    'as many logs are being read from the device as it allows',
    'end another longshore logs, or wait for it',
  ],
  'log-budget-spent': [
    'the bytes that logs of this device may cost in a day are spent',
    'wait until midnight UTC, or raise logBytesPerDay in the configuration of the agent; --tail and --grep cost less',
  ],
  'pattern-too-slow': [
    'a regular expression takes too long on a line, as nested repetitions do',
    'write it without a repetition inside of a repetition, as (a+)+',
  ],
  'command-expired': ['the command was older than its expiresAt', 'send it again; check the clocks of both machines'],
  'command-busy': [
    'the device has as many commands as it takes at once; it did nothing about this one and will not',
    'wait a little, and send it again under a new id',
  ],
  'run-timeout': [
    'a command in a container of its own had not ended in its time, and was killed',
    'give it longer: longshore run --limit',
  ],
  'update-under-way': [
    'an update of the app is under way, and what runs is being replaced',
    'wait for its outcome (longshore status --watch), and ask again',
  ],
  'app-unknown': ['the device has no such app', 'see longshore status --device ID'],

  // What an app waits for, or why it failed.
  'engine-unreachable': ['the container engine does not answer', 'start the engine; the agent goes on by itself'],
  'engine-error': ['the container engine refused a call', 'see the message of the engine'],
  'name-taken': [
    'an object of this name belongs to another Longshore agent on this engine',
    'set namePrefix for one of the agents',
  ],
  'name-in-use': [
    'an object of this name exists and is not of Longshore',
    'rename or remove it; of a Compose project of this name, deploy with --adopt',
  ],
  'port-in-use': ['a host port is taken by something else', 'free the port; the agent goes on by itself'],
  'clock-wrong': [
    'the clock of the device is behind what is known to have passed',
    'set the clock: a battery, NTP or chrony; windows and expiry go by what is known meanwhile',
  ],
  'memory-short': [
    'the device has little memory left',
    'see which service has it: longshore top --device ID; set mem_limit on it',
  ],
  'too-hot': ['a sensor of the device is above the limit', 'cool the device, or set health.temperatureCelsius'],
  throttled: ['the machine runs slower, for its supply or its heat', 'check its power supply and its cooling'],
  'messages-dropped': [
    'the outbox dropped messages',
    'see the events messages-dropped; raise outboxBytes, or tell less: telemetry',
  ],
  'device-missing': [
    'a device that a service asks for is not plugged in',
    'plug it in, and the app goes on by itself; longshore devices --device ID shows what there is',
  ],
  'device-claimed': [
    'a device that a service asks for is held by another service',
    'name another one, or write exclusive: false in both where they may share it',
  ],
  'gpu-missing': [
    'the device has no GPU, or CDI device, as a service asks for, or its engine cannot hand it over',
    'see longshore devices --device ID; it is judged again when its hardware changes',
  ],
  placement: [
    'the app belongs on other devices: a constraint of deploy.placement does not hold',
    'deploy it to another device, or label this one: longshore label --device ID NAME=VALUE; it is judged again then',
  ],
  'device-unfollowed': [
    'the agent cannot make the node of a device, or follow it into a running container',
    'see the message; where it cannot follow, write onReplug: restart; longshore devices --device ID says why',
  ],
  'network-missing': ['an external network is not on the device', 'make it on the device; the agent goes on by itself'],
  'volume-missing': ['an external volume is not on the device', 'make it on the device; the agent goes on by itself'],
  'volume-changed': [
    'a volume was made with another definition, and volumes are not made anew: they hold data',
    'give it another name, write its definition as it was, or remove the app with its volumes and deploy it again',
  ],
  'image-missing': ['the image is not on the device and pull_policy forbids a pull', 'load the image on the device'],
  'image-not-found': [
    'the registry does not have the image',
    'check its name and tag, or push it; the agent tries again',
  ],
  'image-pull-failed': ['the image could not be pulled', 'check the registry and the network; the agent tries again'],
  'registry-unauthorized': [
    'the registry wants credentials, or other ones; some say so of an image that they do not have',
    'check the name of the image; set credentials: longshore secret set _registry HOST --device ID',
  ],
  'registry-busy': [
    'the registry limits how often it may be asked',
    'wait: the agent tries again; for many devices set registryMirrors, or credentials with a higher limit',
  ],
  'credentials-unusable': [
    'the file of registry credentials on the device, or the helper that it names, cannot be used',
    'mend it on the device as the message says; the agent tries again',
  ],
  'wrong-platform': [
    'the image is made for another kind of machine',
    'build it for the platform of the device (longshore bundle --platform), or name one that the device can emulate with platform:',
  ],
  'disk-full': [
    'a disk of the device is full, or nearly so',
    'free space on the disk that the message names; the agent goes on by itself',
  ],
  'image-load-failed': [
    'the engine could not load the images of a bundle',
    'see the message of the engine, and check the bundle; it can be loaded again',
  ],
  'path-unsafe': [
    'a link or something that is no folder stands in the project folder on the device',
    'remove it on the device; the agent goes on by itself',
  ],
  'file-missing': ['the content of a file of the release is not on the device', 'deploy the app again'],
  'file-kept': [
    'a file was changed on the device and is kept, though the release has another version',
    'deploy with --replace-files to have the version of the release',
  ],
  'secret-missing': ['a secret that a service uses was not set', 'set it: longshore secret set APP NAME --device ID'],
  'secret-unreadable': [
    'a secret cannot be decrypted by this device',
    'set it again: it was encrypted for another device, or on its way changed',
  ],
  'secret-store-unusable': [
    'there is no folder in memory where secrets could stand',
    'mount a tmpfs at /run, or name a folder on one with --secrets',
  ],
  dependency: ['a service waits for another one', 'see the state of the service it waits for'],
  verifying: ['the services run and are being watched', 'wait for the monitor time to pass'],
  exited: ['a service ended though it should run', 'see its logs and its exit code'],
  'crash-loop': ['a service ends again and again', 'see its logs and its exit code'],
  unhealthy: ['a service is not healthy', 'see its logs and its healthcheck'],
  'job-failed': ['a job ended with another exit code than 0', 'see its logs and its exit code'],
  'deadline-exceeded': [
    'the services were not all as wanted within the deadline',
    'see the state of each service, or raise x-longshore.update.deadline',
  ],
  'release-unknown': [
    'a release is not kept on the device, or there is none to go back to',
    'see longshore history APP --device ID; deploy the file of that release again',
  ],
  stopped: ['the operator stopped it', 'start it again: longshore start APP --device ID'],
  held: ['the operator holds every deployment of the app', 'take the hold back: longshore release APP --device ID'],
  'window-closed': [
    'the app is updated in its maintenance window only',
    'wait for the window (x-longshore.update.window), or deploy with --now',
  ],
  locked: ['the app says that its machine is busy', 'wait until it takes the lock back, or deploy with --now'],
  superseded: ['a newer deployment took its place', 'wait for the outcome of the newer one'],

  // Secrets, on the side of the operator.
  'recipient-missing': [
    'the device publishes no key that secrets could be sealed for',
    'check its id, let it connect once, and update its agent',
  ],
  'recipient-invalid': [
    'what the device publishes as its key is not an age recipient',
    'check who may write its inventory; restart its agent, which publishes it again',
  ],
  'recipient-changed': [
    'the device publishes another key than the one that was pinned at first use',
    'if it was set up anew: longshore secret trust --device ID; otherwise somebody else may want to read its secrets',
  ],
  'secret-unknown': ['there is no secret of this name', 'see longshore secret ls --device ID'],
  'secret-too-large': [
    'a secret, or all secrets of an app on a device together, are too large',
    'a value has 64 KiB at most; put what is larger elsewhere, sealed with a key that is the secret',
  ],

  // Between the command and the broker.
  'broker-unreachable': ['the broker does not answer', 'check the address, the network and that the broker runs'],
  'broker-refused': ['the broker refused the connection', 'check user name, password, certificate and client id'],
  'limit-exceeded': [
    'a client wants more than the broker allows',
    'mend the client, or raise the limit that the log of the broker names',
  ],
  'reader-too-slow': [
    'a client does not read what the broker has for it',
    'mend the client or its link; it may subscribe to less',
  ],
  'broker-busy': ['a quota of the broker is used up', 'raise it there; it is tried again meanwhile'],
  'publish-refused': ['the broker refused a message', 'check its access rules and its limits'],
  'device-id-in-use': [
    'two agents have the id of one device, as after a disk was copied: each throws the other out of the broker',
    'give one of them an id of its own, and a state folder of its own',
  ],
  'token-refused': [
    'the broker does not know the token, or it was revoked, has run out or is used up',
    'have a new one made: longshore enroll token',
  ],
  'enrolment-refused': [
    'the authority of the site gives no certificate for what was asked',
    'see the message; for a device that has one already: longshore enroll token --device ID',
  ],
  'device-online': ['the device is online and would publish it all again', 'stop its agent first, or give --force'],
  'broker-untrusted': [
    'the certificate of the broker cannot be trusted, or TLS failed otherwise',
    'give the authority that signed it with --ca, use a host name that stands in it, and check --cert and --key',
  ],
  'subscription-refused': ['the broker refused a subscription', 'check the access rules of the broker'],
  'not-retained': [
    'the broker acknowledged a message but did not keep it',
    'check its access rules and that it keeps retained messages',
  ],
  'bridge-circle': [
    'what a bridge sends up comes back to its own broker',
    'brokers are bridged in a circle: take one of the bridges away',
  ],
  'link-down': [
    'the connection to the broker went away',
    'try again when it is back; check that the broker allows the topic and retained messages',
  ],
  'agent-unreachable': [
    'no agent on this machine answers on the socket in its state folder',
    'start the agent, name its folder with --state, and be the user that it runs as',
  ],
  'no-answer': ['nobody answered in time', 'check that the device is online: longshore devices'],
  'port-unavailable': [
    'the address to listen on cannot be used',
    'choose another port or address, or end what listens there',
  ],
  'anonymous-exposed': [
    'the broker would let in anyone from other machines',
    'set users, or tls with clientCa, for that listener, or let it listen on 127.0.0.1; see docs/broker.md',
  ],
  'state-unusable': ['the state directory cannot be used', 'check its path, its permissions and the disk'],
  'internal-error': ['Longshore itself is at fault', 'please report it with the log'],
} as const satisfies Record<string, readonly [meaning: string, remedy: string]>

export type Code = keyof typeof table

export const codeNames = Object.keys(table) as readonly Code[]

/** What a code means and what to do about it, in words for a person. */
export const explain = (code: Code): { readonly meaning: string; readonly remedy: string } => {
  const [meaning, remedy] = table[code]
  return { meaning, remedy }
}
