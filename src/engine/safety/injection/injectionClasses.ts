// Classes of words by which instructions to an assistant are told from other sentences. Lists of our own; a word may be in several.
import { wordClasses } from "../linear/textFeatures.ts";

export const INJECTION_CLASSES = wordClasses({
  override: "ignore disregard forget override bypass skip neglect dismiss abandon drop discard overlook void cancel erase ignorier ignoriere vergiss ignore oublie ignora olvida dimentica esqueça negeer vergeet",
  prior: "previous prior above earlier preceding former foregoing original initial existing before previously vorherigen précédentes anteriores precedenti eerdere",
  orders: "instruction prompt rule guideline directive order command constraint restriction policy limitation training programming direction task anweisungen instrucciones istruzioni instruções instructies consignes",
  answer: "answer reply response output summary message explanation elucidation solution completion conversation report conclusion interpretation analysis statement result content paragraph sentence text feedback",
  yours: "your you yourself",
  mine: "my me i",
  assistant: "ai assistant model llm chatbot bot gpt chatgpt claude copilot agent gemini ki",
  persona: "pretend act roleplay imagine simulate persona emulate suppose assume hypothetical hypothetically dan jailbreak jailbroken unrestricted unfiltered uncensored god sudo admin root developer mode creator administrator owner evil",
  secret: "password secret key credential token pin passcode confidential private ssn passphrase login hidden system passwort contraseña senha wachtwoord пароль",
  personal: "email address phone birth salary birthday birthdate medical record account employee customer patient diagnosis number",
  include: "include insert embed integrate incorporate add append attach place put merge blend infuse weave inject leverage utilize utilise employ use apply introduce implant plant adopt fuse harmonize harmonise assimilate consolidate combine interweave mix",
  snippet: "snippet excerpt fragment code block script lines segment section piece sample listing routine",
  following: "following subsequent below next given provided succeeding ensuing attached",
  alter: "modify change adjust rework rewrite alter extend expand enrich improve supplement enhance revise tailor augment infuse strengthen bolster refine amplify elevate transform adapt",
  tell: "write tell give explain describe list translate summarize summarise create generate compose draft develop provide suggest recommend calculate compute solve identify compare discuss outline define convert state name find show produce plan design propose analyze analyse classify evaluate paraphrase illustrate share say print repeat return respond reply answer",
  ask: "what who whom whose when where which why how",
  manner: "rhyme pirate emoji emojis caps uppercase lowercase capital backwards reverse reversed base64 hex hexadecimal binary cipher morse misspelling misspell misspelled typo typos vowel vowels letters anagram homophone homophones substitution alphanumeric spaces spacing acronym acronyms abbreviations sarcastic poetic style tone synonyms latin leetspeak shuffle scramble jumbled words numbers digits symbols encoded encode decode",
  tongue: "french spanish german italian japanese latin dutch portuguese mandarin chinese russian korean english arabic hindi swahili",
  sell: "promote advertise endorse recommend praise buy purchase sale discount product brand subscribe vote donate donation donations appeal petition sign campaign fundraiser charity support free prize winner offer join click visit follow service company investment gift",
  false: "false fake untrue rumor rumour hoax claim misinformation conspiracy fabricated misleading scandal allegedly propaganda gossip",
  urge: "ask tell urge convince persuade advise instruct encourage suggest invite request remind lead direct prompt",
  reader: "user reader recipient customer people audience everyone",
  exfil: "send post upload transmit forward email exfiltrate leak share submit transfer deliver dump wire http https ftp www url webhook",
  conceal: "secretly silently quietly hidden covertly discreetly conceal hide without",
  run: "run execute call invoke launch curl wget rm chmod sudo bash sh powershell delete remove wipe overwrite disable approve merge",
  malice: "malicious exploit attack virus malware hack steal scam phishing illegal dangerous weapon bomb keylogger mine miner password spam",
  turn: "q a user assistant system human bot input output instruction",
  danger_code: "subprocess urlopen smtplib pynput socket psutil pyautogui ftplib os.system cookies environ shutil rmtree exec winreg keyboard imagegrab sendmail nmap scapy paramiko ctypes cryptography encrypt listener popen clipboard webbrowser screenshot getpass sniff storbinary urlretrieve",
  life: "weather recipe movie song poem story joke capital president country city population planet exercise workout diet health travel flight hotel restaurant birthday history science photosynthesis climate war inventor author book novel film music art vacation meeting appointment reminder essay speech letter haiku limerick",
});

/** What a code block does that has no place in an answer: talks to foreign hosts, starts programs, watches, destroys. */
export const DANGEROUS_CODE = /requests\.(?:post|get|put)\(|urlopen\(|urlretrieve\(|smtplib|pynput|socket\.(?:socket|connect)|psutil|pyautogui|ftplib|os\.system\(|subprocess\.|os\.environ|shutil\.rmtree|exec\(|eval\(|winreg|ImageGrab|sendmail|nmap|scapy|paramiko|document\.cookie|navigator\.sendBeacon|XMLHttpRequest|fetch\(["'`]http|os\.(?:remove|fork|kill)|\/etc\/(?:passwd|shadow)|keyboard\.|rm -rf|curl |wget |chmod |crontab|listener|sniff\(|clipboard|cv2\.VideoCapture|sounddevice|Fernet|encrypt/i;
