using System.CommandLine;
using System.CommandLine.Parsing;
using System.Security.Cryptography;
using System.Text;
using AdaBN.Onnx;

namespace AdaBN.Cli;

/// <summary>The page that <c>--html</c> asks for; the same for all commands that have one.</summary>
internal sealed class HtmlOptions
{
    private readonly Option<string?> _html = new("--html") { Description = "Write the report also as a page for browser and printer, one file that needs nothing else (docs/report.md).", HelpName = "FILE.html" };
    private readonly Option<string?> _classNames = new("--class-names") { Description = "Names of the model's classes for that page: a text file with a line for each, in the order of its scores; default: their numbers.", HelpName = "FILE" };
    private readonly TimeProvider _clock;

    public HtmlOptions(Command command, TimeProvider clock)
    {
        _clock = clock;
        command.Add(_html);
        command.Add(_classNames);
    }

    /// <summary>Refuses, before any work, a page that cannot be written or would take the place of what is read or written beside.</summary>
    public void Check(ParseResult parsed, IEnumerable<string> others)
    {
        if (parsed.GetValue(_html) is not { } target)
        {
            if (parsed.GetValue(_classNames) is not null) throw new ArgumentException($"{_classNames.Name} names classes on the page of {_html.Name}; give that too, or leave it out.");
            return;
        }
        foreach (string other in others.Append(parsed.GetValue(_classNames)).OfType<string>()) CommandInputs.CheckTarget(other, target, "a file that this command reads or writes");
        if (Directory.Exists(target)) throw new ArgumentException($"{_html.Name} {target} is a folder, expected the name of a file to write.");
        if (parsed.GetValue(_classNames) is { } names && !File.Exists(names)) throw new FileNotFoundException($"{_classNames.Name}: there is no file {names}.");
    }

    /// <summary>The page, where one is asked for.</summary>
    public string[] WouldWrite(ParseResult parsed) => parsed.GetValue(_html) is { } page ? [page] : [];

    /// <summary>What the page tells beside the report; null where none is asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="models">The models looked at.</param>
    /// <param name="data">The samples' places.</param>
    /// <param name="review">Looks at predictions.</param>
    /// <param name="classes">How many classes the model has, where that is known before.</param>
    /// <param name="known">Their names, where the data tell them.</param>
    public ReportContext? ContextOf(ParseResult parsed, IReadOnlyList<string> models, IReadOnlyList<string> data, Func<PredictionReview?>? review, int? classes = null, IReadOnlyList<string>? known = null)
    {
        if (parsed.GetValue(_html) is null) return null;
        PredictionReview? predictions = review?.Invoke();
        IReadOnlyList<string> names = parsed.GetValue(_classNames) is { } file ? File.ReadAllLines(file) : known ?? [];
        if (names.Count > 0 && (classes ?? predictions?.Source.Histogram.Count) is { } expected && expected != names.Count)
            throw new ArgumentException(FormattableString.Invariant($"{_classNames.Name} {parsed.GetValue(_classNames)} has {names.Count} lines, expected {expected}: one for each class of the model."));
        Option[] untold = [_html];
        return new ReportContext
        {
            Date = _clock.GetUtcNow(), Models = models, Data = data, Classes = names, Predictions = predictions,
            Settings = parsed.CommandResult.Children.OfType<OptionResult>().Where(option => !option.Implicit && !untold.Contains(option.Option) && option.Option.Name is not ("--json" or "--data" or "--out"))
                .ToDictionary(option => option.Option.Name, option => option.Tokens.Count == 0 ? "yes" : string.Join(' ', option.Tokens.Select(token => token.Value))),
        };
    }

    /// <summary>Writes the page, completely or not at all.</summary>
    public void Write(ParseResult parsed, ReportContext? context, Func<ReportContext?, string> page)
    {
        if (context is not null) AtomicFile.Write(parsed.GetValue(_html)!, stream => stream.Write(Encoding.UTF8.GetBytes(page(context))));
    }

    public static ReportFile FileOf(string path)
    {
        using FileStream content = File.OpenRead(path);
        return new ReportFile(path, Convert.ToHexStringLower(SHA256.HashData(content)));
    }
}
