// Who holds the rights to the grammars inside @vscode/tree-sitter-wasm, as the licence files of their own npm packages say (read
// there on 2026-11-22; versions by the development dependencies that its package.json names, otherwise the latest). All are under
// the MIT licence. PowerShell's is no npm package.

interface Grammar {
  readonly name: string;
  readonly version: string;
  readonly holder: string;
  readonly homepage: string;
}

const grammar = (language: string, version: string, holder: string, owner = "tree-sitter"): Grammar => ({
  name: `tree-sitter-${language}`, version, holder, homepage: `https://github.com/${owner}/tree-sitter-${language}`,
});

export const GRAMMARS: readonly Grammar[] = [
  grammar("bash", "0.25.0", "2017 Max Brunsfeld"),
  grammar("c-sharp", "0.23.5", "2014-2023 Max Brunsfeld, Damien Guard, Amaan Qureshi, and contributors"),
  grammar("cpp", "0.23.4", "2014 Max Brunsfeld"),
  grammar("css", "0.25.0", "2018 Max Brunsfeld"),
  grammar("go", "0.25.0", "2014 Max Brunsfeld"),
  grammar("java", "0.23.5", "2017 Ayman Nadeem"),
  grammar("javascript", "0.25.0", "2014 Max Brunsfeld"),
  grammar("php", "0.24.2", "2017 Josh Vera, GitHub; 2019 Max Brunsfeld, Amaan Qureshi, Christian Frøystad, Caleb White"),
  grammar("powershell", "0.25.0", "Airbus CERT and contributors", "airbus-cert"),
  grammar("python", "0.25.0", "2016 Max Brunsfeld"),
  grammar("ruby", "0.23.1", "2016 Rob Rix"),
  grammar("rust", "0.24.0", "2017 Maxim Sokolov"),
  grammar("typescript", "0.23.2", "2017 Max Brunsfeld"),
];
