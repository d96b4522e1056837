using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary><c>adabn bank …</c>: one model with the statistics of many domains.</summary>
internal static class BankCommand
{
    public static Command Create(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output) =>
        new DocumentedCommand("bank", "One model for many domains, each picked by an int64 input: N x 1 ids, one a row, or 1 x 1 for all rows.",
            "adabn bank add classifier.onnx --domain north --data north/ --preset imagenet --out classifier.sites.onnx", "adabn bank list sites.onnx")
        {
            Add(console, errorConsole, output),
            Split(console, errorConsole, output),
            List(console, output),
            Remove(console, output),
            Export(console, output),
            Apply(console, output),
        };

    private static DocumentedCommand Add(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output)
    {
        Argument<string> model = ModelOrBank();
        var domain = new Option<string?>("--domain") { Description = "The domain's name; one that the bank holds is replaced. Default with --patch: the patch's.", HelpName = "NAME" };
        var data = new Option<string[]>("--data") { Description = $"Unlabeled samples of the domain: {DataOptions.Kinds}.", HelpName = DataOptions.HelpName };
        Option<string[]> input = SharedOptions.Input();
        var patch = new Option<string?>("--patch") { Description = "The domain's statistics, exported elsewhere, instead of samples.", HelpName = "FILE" };
        var id = new Option<long?>("--id") { Description = "The number that is to pick the domain, from 1; default: the next one that was never used.", HelpName = "N" };
        var inputName = new Option<string>("--input-name") { Description = "For a new bank: the name of the input that picks domains.", DefaultValueFactory = _ => "domain", HelpName = "NAME" };
        var unknown = new Option<UnknownDomain?>("--unknown") { Description = "What an unknown id does: usesSource scores as the source model (default), fails refuses the batch." };
        var settings = new AdaptationArguments();
        Option<bool> gate = SharedOptions.Gate(), dryRun = SharedOptions.DryRun(), json = SharedOptions.Json("Print the report and the domain's id as JSON.");
        Option<string> destination = Destination("bank", "BANK.onnx");
        var command = new DocumentedCommand("add", "Adapt to a domain, or take its exported statistics, and put it into a bank.",
            "adabn bank add classifier.onnx --domain north --data north/ --preset imagenet --out classifier.sites.onnx",
            "adabn bank add sites.onnx --domain south --data south/ --preset imagenet --out sites.onnx",
            "adabn bank add sites.onnx --patch south.adabn --out sites.onnx")
        {
            model, domain, data, input, patch, id, inputName, unknown, destination, gate, dryRun, json,
        };
        foreach (Option setting in settings.All) command.Add(setting);
        var pixels = new DataOptions(command);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string[] files = parsed.GetValue(data) ?? [];
            string? patchFile = parsed.GetValue(patch), name = parsed.GetValue(domain);
            if (files.Length > 0 == patchFile is not null) throw new ArgumentException("Give either --data (samples to adapt to) or --patch (statistics exported elsewhere).");
            if (patchFile is null && name is null) throw new ArgumentException("Give the domain a name (--domain NAME).");
            (DomainBank bank, string source) = Open(parsed.GetValue(model)!, parsed.GetValue(inputName)!);
            string target = parsed.GetValue(destination)!;
            if (bank.Domains.Count == 0) CommandInputs.CheckTarget(source, target);
            else CommandInputs.CheckWritable(target);
            foreach (string file in files) CommandInputs.CheckTarget(file, target, "the data");
            if (parsed.GetValue(unknown) is { } answer) bank = bank.WithUnknown(answer);
            if (name is not null) bank.Check(name, parsed.GetValue(id));
            if (patchFile is not null) CommandInputs.CheckTarget(patchFile, target, "the domain's exported statistics");
            TextWriter? jsonOutput = parsed.GetValue(json) ? output : null;
            DomainPatch found;
            AdaptationReport? report = null;
            bool isAdvised = true;
            if (patchFile is not null)
            {
                found = DomainPatch.Load(patchFile);
                if (name is not null) found = found.Named(name);
            }
            else
            {
                AdaptationOptions options = settings.OptionsOf(parsed, bank.Source, pixels);
                OpenedData samples = pixels.Open(parsed, bank.Source, files, parsed.GetValue(input) ?? [], options.MaxSamples);
                if (parsed.GetValue(dryRun))
                    return new DryRun(target) { Samples = samples.CountUpTo(options.MaxSamples), Memory = BatchNormAdapter.EstimateMemory(bank.Source, samples.Samples, options) }.Tell(console, jsonOutput, options.EffectiveMaxMemory);
                AdaptationResult result = ProgressBar.Run(errorConsole, progress => BatchNormAdapter.Adapt(bank.Source, samples.Samples, options, progress, cancellationToken));
                samples.TellFindings(errorConsole.Profile.Out.Writer);
                (found, report) = (result.ToPatch(name!), result.Report);
                isAdvised = CommandInputs.IsAdvised(parsed.GetValue(gate), report.Verdict);
            }
            if (isAdvised)
            {
                bank = bank.With(found, parsed.GetValue(id));
                if (parsed.GetValue(dryRun)) return new DryRun(target).Tell(console, jsonOutput);
                bank.ToModel().Save(target);
            }
            BankedDomain? banked = isAdvised ? bank.Domains.Single(entry => entry.Name == found.Domain) : null;
            string outcome = banked is not null ? Text($"wrote {target}: domain '{banked.Name}' has the id {banked.Id}, the bank {bank.Domains.Count} domains") : "wrote nothing (--gate)";
            if (jsonOutput is not null) jsonOutput.WriteLine(JsonText.Of(report?.ToJson() ?? "{}", new { Domain = banked, Domains = bank.Domains.Count, Wrote = isAdvised ? target : null }));
            else if (report is not null) AdaptCommand.Print(console, report, outcome);
            else console.WriteLine(outcome);
            return isAdvised ? AdabnCommand.Success : AdabnCommand.Alert;
        }, CancellationToken.None));
        return command;
    }

    private static DocumentedCommand Split(IAnsiConsole console, IAnsiConsole errorConsole, TextWriter output)
    {
        Argument<string> model = SharedOptions.Model();
        var data = new Option<string[]>("--data") { Description = $"Unlabeled samples of several domains, nobody knows which of which: {DataOptions.Kinds}.", Required = true, HelpName = DataOptions.HelpName };
        Option<string[]> input = SharedOptions.Input();
        var most = new Option<int>("--most") { Description = "The most domains to find.", DefaultValueFactory = _ => 8, HelpName = "K" };
        var settings = new AdaptationArguments();
        Option<string> destination = Destination("bank", "BANK.onnx");
        Option<bool> dryRun = SharedOptions.DryRun(), json = SharedOptions.Json("Print what was found as JSON.");
        var command = new DocumentedCommand("split", "Find the domains in a mixed set by the texture of its images, adapt to each, and write a bank that tells an image's domain by itself: it takes the source model's inputs.",
            "adabn bank split classifier.onnx --data all-cameras/ --preset imagenet --out classifier.mixed.onnx",
            "adabn bank split classifier.onnx --data all-cameras/ --preset imagenet --most 3 --out classifier.mixed.onnx --json")
        {
            model, data, input, most, destination, dryRun, json,
        };
        foreach (Option setting in settings.All) command.Add(setting);
        var pixels = new DataOptions(command);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string source = parsed.GetValue(model)!, target = parsed.GetValue(destination)!;
            CommandInputs.CheckTarget(source, target);
            OnnxModel loaded = CommandInputs.Load(source);
            AdaptationOptions options = settings.OptionsOf(parsed, loaded, pixels);
            OpenedData samples = pixels.Open(parsed, loaded, parsed.GetValue(data)!, parsed.GetValue(input) ?? [], options.MaxSamples);
            if (parsed.GetValue(dryRun))
                return new DryRun(target) { Samples = samples.CountUpTo(options.MaxSamples), Memory = BatchNormAdapter.EstimateMemory(loaded, samples.Samples, options) }.Tell(console, parsed.GetValue(json) ? output : null, options.EffectiveMaxMemory);
            DomainBankResult result = ProgressBar.Run(errorConsole, progress => DomainBank.AdaptMixed(loaded, samples.Samples, options, parsed.GetValue(most), progress, cancellationToken));
            samples.TellFindings(errorConsole.Profile.Out.Writer);
            result.Bank.ToModel().Save(target);
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonText.Of(new { Domains = result.Bank.Domains.Select(domain => new { domain.Id, domain.Name, result.Reports[domain.Id].Samples, result.Reports[domain.Id].Verdict, result.Reports[domain.Id].Method }), result.Assigned, Wrote = target }));
                return AdabnCommand.Success;
            }
            foreach (BankedDomain domain in result.Bank.Domains)
                console.WriteLine(Text($"{domain.Name}: {result.Reports[domain.Id].Samples} images, {result.Reports[domain.Id].Method}, verdict {result.Reports[domain.Id].Verdict.Kind}"));
            console.WriteLine(result.Bank.Domains.Count == 1
                ? Text($"wrote {target}: the images seem to be of one domain; 'adabn adapt' gives a simpler model for it")
                : Text($"wrote {target}: {result.Bank.Domains.Count} domains, told from the image"));
            return AdabnCommand.Success;
        }, CancellationToken.None));
        return command;
    }

    private static DocumentedCommand List(IAnsiConsole console, TextWriter output)
    {
        Argument<string> file = Bank();
        Option<bool> json = SharedOptions.Json("Print the list as JSON.");
        var command = new DocumentedCommand("list", "List a bank's domains.", "adabn bank list sites.onnx", "adabn bank list sites.onnx --json") { file, json };
        command.SetAction(parsed =>
        {
            DomainBank bank = DomainBank.Open(CommandInputs.Load(parsed.GetValue(file)!));
            (BankedDomain Domain, DomainPatch Patch)[] domains = [.. bank.Domains.Select(domain => (domain, bank.Export(domain.Name)))];
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonText.Of(new
                {
                    bank.SourceSha256,
                    Input = bank.InputName,
                    bank.Unknown,
                    Domains = domains.Select(found => new { found.Domain.Id, found.Domain.Name, found.Patch.Samples, found.Patch.Verdict, found.Patch.Method, Layers = found.Patch.Layers.Count }),
                }));
                return AdabnCommand.Success;
            }
            var table = new Table().Border(TableBorder.Minimal).AddColumns("id", "domain", "samples", "layers", "verdict", "method");
            foreach ((BankedDomain domain, DomainPatch patch) in domains)
            {
                table.AddRow(domain.Id.ToString(CultureInfo.InvariantCulture), Markup.Escape(domain.Name), patch.Samples.ToString(CultureInfo.InvariantCulture),
                    patch.Layers.Count.ToString(CultureInfo.InvariantCulture), Markup.Escape(patch.Verdict.ToString()), Markup.Escape(patch.Method));
            }
            console.Write(table);
            console.WriteLine(Text($"{domains.Length} domains, {(bank.TellsDomains ? "told from the image" : $"picked by the input '{bank.InputName}' (int64, N x 1 or 1 x 1; 0 is the source)")}; an unknown id {(bank.Unknown == UnknownDomain.Fails ? "fails" : "scores as the source model")}; source model {bank.SourceSha256}"));
            return AdabnCommand.Success;
        });
        return command;
    }

    private static DocumentedCommand Remove(IAnsiConsole console, TextWriter output)
    {
        Argument<string> file = Bank();
        Option<string> domain = Domain(), destination = Destination("bank", "BANK.onnx");
        Option<bool> dryRun = SharedOptions.DryRun(), json = Done();
        var command = new DocumentedCommand("remove", "Take a domain out of a bank; without the last it is the source model again, byte for byte.",
            "adabn bank remove sites.onnx --domain north --out sites.onnx", "adabn bank remove sites.onnx --domain north --out fewer-sites.onnx --dry-run")
        {
            file, domain, destination, dryRun, json,
        };
        command.SetAction(parsed =>
        {
            DomainBank bank = DomainBank.Open(CommandInputs.Load(parsed.GetValue(file)!)).Without(parsed.GetValue(domain)!);
            string target = parsed.GetValue(destination)!;
            CommandInputs.CheckWritable(target);
            if (parsed.GetValue(dryRun)) return new DryRun(target).Tell(console, parsed.GetValue(json) ? output : null);
            (bank.Domains.Count > 0 ? bank.ToModel() : bank.Source).Save(target);
            if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(new { Removed = parsed.GetValue(domain), bank.Domains, Wrote = target }));
            else console.WriteLine(Text($"wrote {target}: {(bank.Domains.Count > 0 ? $"{bank.Domains.Count} domains are left" : "no domain is left, this is the source model")}"));
            return AdabnCommand.Success;
        });
        return command;
    }

    private static DocumentedCommand Export(IAnsiConsole console, TextWriter output)
    {
        Argument<string> file = Bank();
        Option<string?> domain = new("--domain") { Description = "The domain whose statistics to write.", HelpName = "NAME" };
        var source = new Option<bool>("--source") { Description = "Write the source model instead." };
        Option<string> destination = Destination("statistics or the source model", "FILE");
        Option<bool> dryRun = SharedOptions.DryRun(), json = Done();
        var command = new DocumentedCommand("export", "Write a domain's statistics to a small file, for the same model elsewhere.",
            "adabn bank export sites.onnx --domain north --out north.adabn", "adabn bank export sites.onnx --source --out source.onnx")
        {
            file, domain, source, destination, dryRun, json,
        };
        command.SetAction(parsed =>
        {
            string bankFile = parsed.GetValue(file)!, target = parsed.GetValue(destination)!;
            if (parsed.GetValue(source) == parsed.GetValue(domain) is not null) throw new ArgumentException("Give either --domain NAME or --source.");
            CommandInputs.CheckTarget(bankFile, target);
            DomainBank bank = DomainBank.Open(CommandInputs.Load(bankFile));
            DomainPatch? patch = parsed.GetValue(domain) is { } name ? bank.Export(name) : null;
            if (parsed.GetValue(dryRun)) return new DryRun(target).Tell(console, parsed.GetValue(json) ? output : null);
            if (patch is null) bank.Source.Save(target);
            else patch.Save(target);
            if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(new { patch?.Domain, Layers = patch?.Layers.Count, ModelSha256 = patch?.ModelSha256 ?? bank.SourceSha256, Wrote = target }));
            else console.WriteLine(patch is null ? $"wrote {target}: the source model" : Text($"wrote {target}: {patch.Layers.Count} layers of domain '{patch.Domain}', for the model {patch.ModelSha256}"));
            return AdabnCommand.Success;
        });
        return command;
    }

    private static DocumentedCommand Apply(IAnsiConsole console, TextWriter output)
    {
        Argument<string> model = ModelOrBank();
        Option<string?> domain = new("--domain") { Description = "Of a bank: the domain.", HelpName = "NAME" }, patch = new("--patch") { Description = "The domain's exported statistics.", HelpName = "FILE" };
        Option<string> destination = Destination("adapted model", "OUT.onnx");
        Option<bool> dryRun = SharedOptions.DryRun(), json = Done();
        var command = new DocumentedCommand("apply", "Write the model adapted to one domain alone, without an input that picks domains.",
            "adabn bank apply classifier.onnx --patch south.adabn --out classifier.south.onnx", "adabn bank apply sites.onnx --domain north --out classifier.north.onnx")
        {
            model, domain, patch, destination, dryRun, json,
        };
        command.SetAction(parsed =>
        {
            string? name = parsed.GetValue(domain), patchFile = parsed.GetValue(patch);
            if (name is null == patchFile is null) throw new ArgumentException("Give either --domain NAME (of a bank) or --patch FILE.");
            string file = parsed.GetValue(model)!, target = parsed.GetValue(destination)!;
            CommandInputs.CheckTarget(file, target);
            OnnxModel loaded = CommandInputs.Load(file);
            DomainBank? bank = DomainBank.IsBank(loaded) ? DomainBank.Open(loaded) : null;
            if (bank is null && name is not null) throw new ArgumentException($"{file} is no bank and has no domain '{name}'; give --patch FILE.");
            if (patchFile is not null) CommandInputs.CheckTarget(patchFile, target, "the domain's exported statistics");
            DomainPatch found = patchFile is null ? bank!.Export(name!) : DomainPatch.Load(patchFile);
            OnnxModel applied = found.ApplyTo(bank?.Source ?? loaded);
            if (parsed.GetValue(dryRun)) return new DryRun(target).Tell(console, parsed.GetValue(json) ? output : null);
            applied.Save(target);
            if (parsed.GetValue(json)) output.WriteLine(JsonText.Of(new { found.Domain, Layers = found.Layers.Count, Wrote = target }));
            else console.WriteLine(Text($"wrote {target}: {found.Layers.Count} layers with the statistics of domain '{found.Domain}'"));
            return AdabnCommand.Success;
        });
        return command;
    }

    private static (DomainBank Bank, string Source) Open(string file, string inputName)
    {
        OnnxModel loaded = CommandInputs.Load(file);
        return (DomainBank.IsBank(loaded) ? DomainBank.Open(loaded) : DomainBank.Of(loaded, inputName), file);
    }

    private static Argument<string> Bank() => new("BANK") { Description = "The bank's ONNX file." };

    private static Argument<string> ModelOrBank() => new("MODEL_OR_BANK") { Description = "The source model's ONNX file, or a bank's." };

    private static Option<string> Domain() => new("--domain") { Description = "The domain's name.", Required = true, HelpName = "NAME" };

    private static Option<bool> Done() => SharedOptions.Json("Print what was done as JSON.");

    private static Option<string> Destination(string what, string name) => new("--out") { Description = $"Where to write the {what}{(what == "bank" ? "; it may be the bank's own file, which is replaced as a whole" : "")}.", Required = true, HelpName = name };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
