using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using AdaBN.Distributed;
using AdaBN.Onnx;

namespace AdaBN.Reference;

/// <summary>What one process has measured of a stage, as a file.</summary>
/// <param name="Model">SHA-256 of the model file.</param>
/// <param name="Settings">What else measurements depend on.</param>
/// <param name="Stage">The stage, from 0.</param>
/// <param name="Shard">The part, from 0.</param>
/// <param name="Of">Number of parts.</param>
/// <param name="Total">Samples of all parts.</param>
/// <param name="Inputs">The tensors of each sample.</param>
/// <param name="Metadata">Entries that the adapted model shall carry.</param>
/// <param name="Given">What it gives at each exchange, in base64.</param>
/// <param name="Sha256">Checksum of all else.</param>
internal sealed record MeasuredPart(string Model, string Settings, int Stage, int Shard, int Of, long Total, IReadOnlyList<MeasuredPart.Input> Inputs, IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<string> Given, string Sha256)
{
    private static readonly VersionedJson<MeasuredPart> s_json = new("adabn.part", 1, "a part of a stage", AdaptationError.InvalidState, "'adabn measure' writes one.");

    public string Format { get; init; } = "adabn.part";

    public int Version { get; init; } = 1;

    public static void Write(string path, string model, string settings, GivenParts given, IReadOnlyList<SampleInput> inputs, IReadOnlyDictionary<string, string> metadata)
    {
        var part = new MeasuredPart(model, settings, given.Stage, given.Rank, given.Size, given.Total, [.. inputs.Select(input => new Input(input.Name, [.. input.Shape]))], metadata, [.. given.Given.Select(Convert.ToBase64String)], "");
        AtomicFile.Write(path, stream => s_json.Write(part with { Sha256 = part.Checksum() }, stream));
    }

    /// <summary>Reads all parts of one stage.</summary>
    /// <exception cref="AdaptationException">One is damaged or missing, or they are not of one run.</exception>
    public static IReadOnlyList<MeasuredPart> ReadAll(IReadOnlyList<string> paths)
    {
        (string Path, MeasuredPart Part)[] parts = [.. paths.Select(path => (path, Read(path))).OrderBy(read => read.Item2.Shard)];
        MeasuredPart first = parts[0].Part;
        foreach ((string path, MeasuredPart part) in parts)
        {
            if (part.Model != first.Model || part.Settings != first.Settings || part.Stage != first.Stage || part.Of != first.Of || part.Total != first.Total || !part.Inputs.Select(input => input.ToString()).SequenceEqual(first.Inputs.Select(input => input.ToString())) || !part.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).SequenceEqual(first.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal)))
                throw Invalid($"{path} and {parts[0].Path} are not of one stage of one run (model, settings, stage, number of parts and samples)");
        }
        int[] missing = [.. Enumerable.Range(0, first.Of).Except(parts.Select(part => part.Part.Shard))];
        if (missing.Length > 0) throw Invalid(string.Create(CultureInfo.InvariantCulture, $"of {first.Of} parts of stage {first.Stage} there are none for --shard {string.Join(", ", missing.Select(shard => $"{shard}/{first.Of}"))}; measure them as well"));
        if (parts.Length != first.Of) throw Invalid($"a part is given twice ({string.Join(", ", paths)})");
        return [.. parts.Select(part => part.Part)];
    }

    private static MeasuredPart Read(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return s_json.Read(stream, path, part => part.Sha256 != part.Checksum() ? "its checksum is another" : part.Given.Count != GivenParts.ExchangesOf(part.Stage) ? "it is not complete" : null);
    }

    private string Checksum() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Model}\n{Settings}\n{Stage} {Shard} {Of} {Total}\n{string.Join('\n', Inputs)}\n{string.Join('\n', Metadata)}\n{string.Join('\n', Given)}"))));

    private static AdaptationException Invalid(string what) => new(AdaptationError.InvalidState, $"The parts cannot be merged: {what}.");

    /// <summary>A tensor of each sample.</summary>
    internal sealed record Input(string? Name, IReadOnlyList<int> Shape)
    {
        public override string ToString() => $"{Name} ({string.Join(", ", Shape)})";
    }
}
