using System.Globalization;
using AdaBN.Domains;
using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.Reporting;

namespace AdaBN;

/// <summary>
/// The statistics of one domain: all that an adaptation found, without the model. A small file (8 bytes a channel, or so), to be applied to the same
/// model elsewhere, by itself (<see cref="ApplyTo"/>) or in a bank of many domains (<see cref="DomainBank.With"/>). Immutable.
/// </summary>
public sealed class DomainPatch
{
    internal DomainPatch(string domain, string modelSha256, string method, VerdictKind verdict, long samples, int layersMeasured, string toolVersion, IReadOnlyList<PatchLayer> layers) =>
        (Domain, ModelSha256, Method, Verdict, Samples, LayersMeasured, ToolVersion, Layers) = (domain, modelSha256, method, verdict, samples, layersMeasured, toolVersion, layers);

    /// <summary>The domain's name.</summary>
    public string Domain { get; }

    /// <summary>SHA-256 of the source model's file, in lower-case hex: the only model that the statistics are of.</summary>
    public string ModelSha256 { get; }

    /// <summary>How the statistics were decided (<see cref="AdaptationReport.Method"/>).</summary>
    public string Method { get; }

    /// <summary>The verdict on the adaptation.</summary>
    public VerdictKind Verdict { get; }

    /// <summary>Samples measured.</summary>
    public long Samples { get; }

    /// <summary>Layers measured; those of which the statistics stayed the source's are not among <see cref="Layers"/>.</summary>
    public int LayersMeasured { get; }

    /// <summary>Version of the library that measured.</summary>
    public string ToolVersion { get; }

    /// <summary>The layers whose statistics differ from the source's, shallow to deep.</summary>
    public IReadOnlyList<PatchLayer> Layers { get; }

    /// <summary>The patch under another name.</summary>
    public DomainPatch Named(string domain) => new(CheckName(domain), ModelSha256, Method, Verdict, Samples, LayersMeasured, ToolVersion, Layers);

    /// <summary>The source model with the domain's statistics in the place of its own: what the adaptation itself gave.</summary>
    /// <param name="source">The model that was adapted; it is not changed.</param>
    /// <exception cref="AdaptationException">It is another model.</exception>
    public OnnxModel ApplyTo(OnnxModel source)
    {
        ArgumentNullException.ThrowIfNull(source);
        CheckIsOf(source.Sha256);
        if (DomainBank.IsBank(source)) throw new AdaptationException(AdaptationError.InvalidPatch, "The model is a bank of domains; add the patch to it (DomainBank.With), or apply it to the source model.");
        IReadOnlyList<DecidedLayer> decided = [];
        OnnxModel adapted = Layers.Count == 0 ? source.Clone() : PatchedLayers.Find(source, this, out decided).Write(decided);
        Provenance.Record(adapted, Method, Verdict, LayersMeasured, Samples, ToolVersion, ModelSha256);
        ReferenceStatistics.EmbeddedIn(source)?.RenewIn(adapted, decided);
        return adapted;
    }

    /// <summary>Reads a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="AdaptationException">The file is damaged or no patch.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static DomainPatch Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream stream = File.OpenRead(path);
        return PatchFile.Read(stream, path);
    }

    /// <summary>Writes it as JSON, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written; what stood there before is untouched.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, stream => PatchFile.Write(this, stream));
    }

    internal static string CheckName(string domain)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(domain);
        const int longest = 200;
        if (domain.Length > longest || domain.Any(char.IsControl))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"A domain's name has {domain.Length} characters{(domain.Any(char.IsControl) ? ", some of them control characters" : "")}; expected a name of at most {longest} that can be printed."), nameof(domain));
        return domain;
    }

    internal void CheckIsOf(string sourceSha256)
    {
        if (sourceSha256 == ModelSha256) return;
        throw new AdaptationException(AdaptationError.InvalidPatch,
            $"The statistics of domain '{Domain}' are of another model: measured on the file with the SHA-256 {ModelSha256}, but this one's is {sourceSha256}. Give the model that was measured, or adapt this one ('adabn bank add').");
    }
}

/// <summary>A layer's statistics on a domain, one number a channel, as the model stores them.</summary>
/// <param name="Name">The node's name, or its output's where it has none.</param>
/// <param name="Output">The name of what it computes, unique in the model.</param>
/// <param name="Mean">Means.</param>
/// <param name="Variance">Variances.</param>
/// <param name="Source">For a layer that BatchNormalization was folded into, and for an input: what its output, or the input, looks like on the source domain. Else null.</param>
public sealed record PatchLayer(string Name, string Output, IReadOnlyList<float> Mean, IReadOnlyList<float> Variance, ChannelStatistics? Source = null);
