using System.CommandLine;
using System.CommandLine.Completions;

namespace AdaBN.Cli;

/// <summary><c>adabn completion SHELL</c>: a script that completes this command's lines. It asks the command itself, so it never grows old.</summary>
internal static class CompletionCommand
{
    /// <summary>What the scripts call: the words that can stand at the end of the words so far.</summary>
    private const string Words = "words";

    private static readonly Dictionary<string, string> Scripts = new()
    {
        ["bash"] = """
            # in ~/.bashrc:  source <(adabn completion bash)
            _adabn() {
                local IFS=$'\n' words
                words=$(adabn completion words -- \
                    "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
                COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _adabn adabn
            """,
        ["zsh"] = """
            #compdef adabn
            # in ~/.zshrc:  source <(adabn completion zsh)
            _adabn() {
                local -a found
                found=("${(@f)$(adabn completion words -- \
                    "${(@)words[2,CURRENT]}" 2>/dev/null)}")
                if [[ -n "$found" ]]; then compadd -- $found; else _files; fi
            }
            compdef _adabn adabn
            """,
        ["fish"] = """
            # in config.fish:  adabn completion fish | source
            function __adabn_words
                set -l words (commandline -opc) (commandline -ct)
                adabn completion words -- $words[2..-1] 2>/dev/null
            end
            complete -c adabn -a '(__adabn_words)'
            """,
        ["pwsh"] = """
            # in $PROFILE:  adabn completion pwsh | Out-String | Invoke-Expression
            Register-ArgumentCompleter -Native -CommandName adabn -ScriptBlock {
                param($wordToComplete, $commandAst, $cursorPosition)
                $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
                if (-not $wordToComplete) { $words += "''" }
                adabn completion words -- @words | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                }
            }
            """,
    };

    public static Command Create(TextWriter output)
    {
        var shell = new Argument<string>("SHELL") { Description = $"One of {string.Join(", ", Scripts.Keys)}." };
        shell.CompletionSources.Add([.. Scripts.Keys]);
        var command = new DocumentedCommand("completion", "Print a script that lets a shell complete commands, options and their values.",
            "adabn completion bash > adabn.bash", "adabn completion zsh > _adabn", "adabn completion fish > adabn.fish")
        {
            shell,
        };
        var words = new Command(Words) { Hidden = true };
        var soFar = new Argument<string[]>("WORDS") { Arity = ArgumentArity.ZeroOrMore };
        words.Add(soFar);
        words.SetAction(parsed =>
        {
            foreach (string word in Complete(parsed.GetValue(soFar) ?? [])) output.WriteLine(word);
        });
        command.Add(words);
        command.SetAction(parsed =>
        {
            string name = parsed.GetValue(shell)!;
            output.WriteLine(Scripts.GetValueOrDefault(name) ?? throw new ArgumentException($"There is no script for '{name}'; expected one of {string.Join(", ", Scripts.Keys)}."));
        });
        return command;
    }

    /// <summary>What the last word, perhaps empty, can become; nothing where a file or a free text is to be given.</summary>
    /// <param name="words">The words behind the command's name.</param>
    public static IEnumerable<string> Complete(string[] words)
    {
        string last = words is [.., var word] ? word : "";
        ParseResult before = AdabnCommand.Create(TextWriter.Null, TextWriter.Null).Parse(words[..Math.Max(0, words.Length - 1)]);
        Command command = before.CommandResult.Command;
        if (words is [.., var previous, _] && OptionsOf(before).FirstOrDefault(option => option.Name == previous) is { Arity.MinimumNumberOfValues: > 0 } awaiting)
            return Matching(awaiting.GetCompletions(CompletionContext.Empty).Select(item => item.Label), last);
        IEnumerable<string> arguments = command.Arguments.SelectMany(argument => argument.GetCompletions(CompletionContext.Empty)).Select(item => item.Label);
        IEnumerable<string> candidates = last.StartsWith('-') ? OptionsOf(before).Select(option => option.Name) : [.. command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name), .. arguments];
        return Matching(candidates, last);
    }

    private static IEnumerable<string> Matching(IEnumerable<string> candidates, string begun) => candidates.Distinct().Where(candidate => candidate.StartsWith(begun, StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    private static IEnumerable<Option> OptionsOf(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        return command.Options.Concat(Ancestors(command).SelectMany(parent => parent.Options).Where(option => option.Recursive)).Where(option => !option.Hidden);
    }

    private static IEnumerable<Command> Ancestors(Command command) => command.Parents.OfType<Command>().SelectMany(parent => Ancestors(parent).Prepend(parent));
}
