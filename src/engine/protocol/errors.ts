// The reasons for failure that cross the wire. Imports nothing.

/** Every reason an engine operation can fail for. Clients branch on these, never on message text. */
export type ErrorReason =
  | "badRequest" // parameters of the wrong type or range
  | "unknownSetting"
  | "noWorkspace"
  | "noModel"
  | "modelNotFound"
  | "modelTruncated"
  | "modelForeign" // not a GGUF file
  | "modelTooNew" // a GGUF version or architecture this engine does not know
  | "modelTooLarge" // does not fit the memory of this machine
  | "modelLoadFailed"
  | "modelIncapable" // the loaded model cannot do what was asked (for example infill)
  | "contextOverflow"
  | "downloadFailed"
  | "offline" // the setting "kalactica.offline" refuses every connection
  | "networkFailed" // a host cannot be reached
  | "consentNeeded" // nothing may be sent to that host yet
  | "endpointFailed" // a model server or a shared index did not do what was asked
  | "checksumMismatch"
  | "rangeRefused"
  | "diskFull"
  | "unreadable" // a file or folder that cannot be read
  | "notFound"
  | "indexCorrupt"
  | "indexTooNew"
  | "busyElsewhere" // another process holds the workspace
  | "nativeMissing" // a prebuilt library is absent or does not fit the machine
  | "trainingFailed"
  | "dataInvalid"
  | "protocolMismatch"
  | "timeout"
  | "internal";
