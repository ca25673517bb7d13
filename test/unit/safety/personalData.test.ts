import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { findPersonalData, redactPersonalData } from "../../../src/engine/safety/personalData.ts";
import type { PersonalDataKind } from "../../../src/engine/safety/personalData.ts";

/** What must be found: kind, text, the part that must be gone. */
const POSITIVES: readonly (readonly [PersonalDataKind, string, string])[] = [
  ["email", "# Maintained by Ana Silva <ana.silva@posteo.de>", "ana.silva@posteo.de"],
  ["email", 'author_email="kim.lee+pypi@gmail.com",', "kim.lee+pypi@gmail.com"],
  ["email", "Signed-off-by: Jo K <jo_k@fastmail.co.uk>", "jo_k@fastmail.co.uk"],
  ["email", "const to = 'p.martin@univ-lyon1.fr';", "p.martin@univ-lyon1.fr"],
  ["email", "[Mail](mailto:sven-erik@firma.se)", "sven-erik@firma.se"],
  ["email", "Contact: 王小明 wang88@qq.com", "wang88@qq.com"],
  ["email", "12345+octo@users.noreply.github.com", "12345+octo"],
  ["email", "(m.rossi@libero.it)", "m.rossi@libero.it"],
  ["email", "emails = ['h@nakamura.io', 'x']", "h@nakamura.io"],
  ["email", "Ask Dana, dana@hey.com.", "dana@hey.com"],
  ["email", "logger.info('sent to %s', 'RAJ.PATEL@TCS.COM')", "RAJ.PATEL@TCS.COM"],
  ["email", "Cc: t.okafor@mail.ui.edu.ng", "t.okafor@mail.ui.edu.ng"],
  ["phone", "Phone: +49 30 901820", "901820"],
  ["phone", "tel = '+33 6 12 48 56 78'", "12 48 56 78"],
  ["phone", "call me at +1 (415) 826-3174", "826-3174"],
  ["phone", "const PHONE = \"+447911183456\";", "7911183456"],
  ["phone", "<a href=\"tel:+14158263174\">", "14158263174"],
  ["phone", "// support line (415) 826-3174", "826-3174"],
  ["phone", "Tel.: 030 / 901 82 07", "901 82 07"],
  ["phone", "mobile: 07911 183 456", "183 456"],
  ["phone", "phone: '415-826-3174'", "826-3174"],
  ["phone", "WhatsApp: +55 11 91876-4402", "91876-4402"],
  ["phone", "Fax: +81-3-6384-9000", "6384"],
  ["phone", "+91 98201 54321", "54321"],
  ["ip-address", "HOST = \"93.184.216.34\"", "93.184.216.34"],
  ["ip-address", "ssh deploy@51.15.220.7", "51.15.220.7"],
  ["ip-address", "http://185.199.108.153:8080/x", "185.199.108.153"],
  ["ip-address", "Failed password from 218.92.0.107 port 22", "218.92.0.107"],
  ["ip-address", "allow 46.4.105.116/32;", "46.4.105.116"],
  ["ip-address", "client ip: 5.9.29.28", "5.9.29.28"],
  ["ip-address", "addr = '2a00:1450:4001:82a::200e'", "2a00:1450"],
  ["ip-address", "AAAA 2606:2800:220:1:248:1893:25c8:1946", "2606:2800"],
  ["ip-address", "bind(\"140.82.121.4\", 443)", "140.82.121.4"],
  ["iban", "IBAN: DE44 5001 0517 5407 3249 31", "5407 3249"],
  ["iban", "account = 'FR1420041010050500013M02606'", "0500013M02606"],
  ["iban", "NL91ABNA0417164300", "ABNA0417164300"],
  ["iban", "CH93 0076 2011 6238 5295 7", "6238 5295"],
  ["card-number", "card 4539 1488 0343 6467 exp 12/27", "0343 6467"],
  ["card-number", "cardNumber = '5425233430109903'", "5425233430109903"],
  ["card-number", "amex: 3714 496352 98474", "496352"],
  ["card-number", "4916-3385-0608-2832", "0608-2832"],
  ["author-name", "# Author: Ana Silva", "Ana Silva"],
  ["author-name", " * @author Jürgen Groß", "Jürgen Groß"],
  ["author-name", "__author__ = 'Priya Raman'", "Priya Raman"],
  ["author-name", "// Created by Liu Wei on 12/3/20.", "Liu Wei"],
  ["author-name", "Copyright (c) 2019-2024 Maria van der Berg", "Maria van der Berg"],
  ["author-name", " * Copyright 2021 Tom O'Brien <tom@obrien.ie>", "Tom O'Brien"],
  ["author-name", "  \"author\": \"Kenji Sato <k@sato.jp>\",", "Kenji Sato"],
  ["author-name", "authors = [{ name = \"Olga Petrova\" }]", "Olga Petrova"],
  ["author-name", "# Written by J. R. Hartley", "J. R. Hartley"],
  ["author-name", " * @author mschmidt", "mschmidt"],
  ["author-name", "# Copyright (c) 2012-2019 Lena Lorenz, Paul Miller (https://x.y)", "Paul Miller"],
  ["author-name", "// Copyright Lena Lorenz <l@lorenz.at>", "Lena Lorenz"],
  ["author-name", "-- Maintainer: Chidi Anagonye", "Chidi Anagonye"],
  ["home-path", "File \"/home/mschmidt/projects/x/main.py\", line 3", "mschmidt"],
  ["home-path", "open('/Users/anasilva/data.csv')", "anasilva"],
  ["home-path", "C:\\Users\\kimlee\\AppData\\x", "kimlee"],
  ["home-path", "path = \"C:\\\\Users\\\\kim.lee\\\\Desktop\"", "kim.lee"],
  ["home-path", "cd /home/jo_k/.config", "jo_k"],
  ["home-path", "LOG=/home/petra/app.log", "petra"],
  ["home-path", "file:///Users/raj/Library/x", "raj"],
  ["home-path", "at f (/home/chidi/src/index.ts:3:4)", "chidi"],
];

/** What must be left exactly as it is. */
const NEGATIVES: readonly string[] = [
  // versions, sections, numbers
  "version = \"1.2.3.4\"", "AssemblyVersion(\"10.4.33.128\")", "numpy==1.26.4.0", "Chrome/120.0.99.109 Safari/537.36", "see section 4.33.2.1", "v2.34.1.99", "tag: release-3.40.1.2", "1.3.6.1.4.1.311", "prim: OBJECT :1.3.101.110", "<path d=\"m45.8 190.87.2.8 65.57-56.8\"/>",
  "0.1.2.3", "x = 10.0.0.1", "host = '127.0.0.1'", "0.0.0.0:8000", "192.168.1.20", "172.16.5.4", "255.255.255.0", "224.0.0.251", "8.8.8.8", "203.0.113.7", "198.51.100.23", "2001:db8::8a2e:370:7334", "::1", "fe80::1ff:fe23:4567:890a",
  "12:34:56:78", "std::vector<int>", "a::b::c", "00:1B:44:11:3A:B7", "dead::beef", "93.184.216.0/24", "pip install torch==2.3.1.34",
  // addresses that are none
  "git@github.com:octo/repo.git", "ssh://git@gitlab.com/x/y.git", "https://user:pw@host.io/path", "@types/node@20.11.5", "\"@scope/pkg\": \"^1.0.0\"", "@app.route('/x')", "@pytest.mark.skip", "y = x@w.T", "out = q@k.transpose(1, 2)", "loss = a@b.sum()",
  "logo@2x.png", "user@example.com", "foo@bar.com", "someone@test.example", "noreply@github.com", "support@gitlab.com", "test@localhost", "lodash@4.17.21", "pnpm@9.1.0.tgz", "z = m@v.shape", "uses: actions/checkout@v4.1.1", "john@domain.com", "h = W@x.to(device)", "name@your-company.com",
  "scp file deploy@web.internal:/srv", "vue@next.js",
  // phone numbers that are none
  "+1234567890", "x = a +1000000000", "tz = '+02:00'", "date: 2024-05-06 10:11:12", "+2023-01-01", "id = 4158263174", "1e+10000000", "sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4", "phone = models.CharField(max_length=20)", "\"phone\": \"555-0123\"", "+1 555 0100 123",
  "cell: 10 20", "fax_machine = 3", "range(0, 1000000, 100)", "+192.168.100.200", "(200) 300", "port: 49152-65535", "telephone: string;", "0.4158263174", "+15550001234", "offset +12 34",
  // long numbers
  "1609459200000000000", "id: 4539148803436468", "4111 1111 1111 1111", "4242424242424242", "ts=1700000000000", "0x4539148803436467", "3.141592653589793238", "n = 6011000990139424", "uuid 550e8400-e29b-41d4-a716-446655440000", "GB00WEST12345698765432", "DE12 3456", "MAX9999999999999999", "seed = 5425233430109903",
  "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0", "integrity sha512-oJ8QaZ4m1wF5XQ==",
  // names that are none
  "Copyright (c) 2020 Google LLC", "Copyright 2023 The Hugging Face Team", "# Copyright Lightning AI.", "Copyright (c) Microsoft Corporation", "author: string;", "authors = get_authors()", "self.author = author", "@author", "# Author:", "Copyright (c) 2020 Some Body, Inc.", "Created by the build", "const author = post.author;", "\"author\": \"OpenAI\"",
  "Created by: TensorFlow Authors", "maintainer = models.ForeignKey(User)", "// Written by hand", "Copyright Notice", "# Authors and Contributors", "Author Name", "copyright 2024 Apache Software Foundation",
  // paths that are none
  "/home/user/project/main.py", "/home/runner/work/x/y", "href=\"/home/about\"", "router.get('/home/index.html')", "/home/dashboard/list", "/Users/Shared/x", "C:\\Users\\Public\\x", "/home/$USER/bin", "/home/{name}/src", "https://x.com/home/jane/src/a.py", "/Users/{id}/posts", "~/projects/x", "/api/home/items", "./home/jane/src/a.py", "C:\\Users\\%USERNAME%\\x", "/home/vscode/.cache", "/Users/1234/repos",
];

describe("personal data", () => {
  it("is found: every one of the cases", () => {
    const missed = POSITIVES.filter(([kind, text, gone]) => {
      const { text: after, spans } = redactPersonalData(text);
      return after.includes(gone) || !spans.some((span) => span.kind === kind);
    });
    assert.deepEqual(missed.map(([kind, text]) => `${kind}: ${text} → ${redactPersonalData(text).text}`), [], `missed of ${POSITIVES.length}`);
  });

  it("is not seen where there is none: every one of the hard cases", () => {
    const wrong = NEGATIVES.filter((text) => findPersonalData(text).spans.length > 0);
    assert.deepEqual(wrong.map((text) => `${text} → ${redactPersonalData(text).text}`), [], `wrong of ${NEGATIVES.length}`);
  });

  it("leaves nothing to find after it was replaced, and code that parses", () => {
    const code = "const config = {\n  owner: \"ana.silva@posteo.de\", // Tel.: 030 / 901 82 07\n  host: \"93.184.216.34\",\n  card: \"4539 1488 0343 6467\",\n  file: \"C:\\\\Users\\\\kimlee\\\\x.json\",\n};";
    const { text, spans } = redactPersonalData(code);
    assert.equal(spans.length, 5);
    assert.deepEqual(findPersonalData(text).spans, []);
    assert.equal(runInNewContext(`${text} config.file;`), "C:\\Users\\user\\x.json");
    assert.equal(text.split("\n").length, code.split("\n").length);
  });

  it("cuts off what it did not look at", () => {
    const { text } = redactPersonalData(`${"x = 1\n".repeat(170_000)}ana.silva@posteo.de`);
    assert.ok(!text.includes("ana.silva"));
    assert.ok(text.length < 1_000_010);
  });

  it("takes time in proportion to the text", () => {
    const hostile = ["a".repeat(200_000), "a.".repeat(100_000), "1".repeat(200_000), "+1 ".repeat(66_000), "a@".repeat(100_000), "/home/".repeat(33_000), "Author: ".repeat(25_000), "2a:".repeat(66_000), "(c) 2020, ".repeat(20_000)];
    for (const text of hostile) {
      const begun = performance.now();
      findPersonalData(text);
      assert.ok(performance.now() - begun < 1_500, `${text.slice(0, 12)}… took ${Math.round(performance.now() - begun)} ms`);
    }
  });
});
