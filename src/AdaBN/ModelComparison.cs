using System.Text.Json.Serialization;
using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.Reporting;

namespace AdaBN;

/// <summary>
/// What differs between two models, and whether it is statistics alone: the proof that an adaptation left everything else as it was, byte for byte.
/// Of banks of domains the source models are compared, and the domains.
/// </summary>
/// <param name="FirstSha256">SHA-256 of the first model's file, in lower-case hex.</param>
/// <param name="SecondSha256">SHA-256 of the second's.</param>
/// <param name="AreEqual">Whether nothing at all differs.</param>
/// <param name="OnlyStatistics">
/// Whether nothing differs but statistics (running means and variances; where a reference tells of them, weights they are folded into) and notes of this library in the metadata.
/// </param>
/// <param name="Layers">Layers that both models have with running statistics, in the order of computation.</param>
/// <param name="Statistics">Tensors that differ and hold nothing but statistics.</param>
/// <param name="Tensors">All other tensors that differ.</param>
/// <param name="Nodes">Nodes that differ. Of those that only read their statistics from tensors of another name, none.</param>
/// <param name="Metadata">Metadata entries that differ; keys with <c>adabn.</c> in front are notes of this library.</param>
/// <param name="Domains">Domains of banks that differ.</param>
/// <param name="Other">Everything else that differs, in plain words.</param>
public sealed record ModelComparison(
    string FirstSha256, string SecondSha256, bool AreEqual, bool OnlyStatistics, IReadOnlyList<LayerChange> Layers, IReadOnlyList<TensorDifference> Statistics,
    IReadOnlyList<TensorDifference> Tensors, IReadOnlyList<NodeDifference> Nodes, IReadOnlyList<MetadataDifference> Metadata, IReadOnlyList<DomainDifference> Domains, IReadOnlyList<string> Other)
{
    private const string Notes = "adabn.";

    /// <summary>What both models say of some samples, where that was asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ScoreComparison? Scores { get; init; }

    /// <summary>Compares two models.</summary>
    /// <param name="first">The first, such as the source model.</param>
    /// <param name="second">The second, such as the adapted one.</param>
    /// <exception cref="AdaptationException">A bank of domains is damaged.</exception>
    /// <exception cref="OnnxModelException">A model's graph or tensors are damaged.</exception>
    public static ModelComparison Of(OnnxModel first, OnnxModel second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        DomainBank? firstBank = DomainBank.IsBank(first) ? DomainBank.Open(first) : null, secondBank = DomainBank.IsBank(second) ? DomainBank.Open(second) : null;
        (OnnxModel before, OnnxModel after) = (firstBank?.Source ?? first, secondBank?.Source ?? second);
        ModelDifferences found = ModelDifferences.Between(before, after);
        (FormSurvey surveyBefore, FormSurvey surveyAfter) = (Survey(before), Survey(after));
        var places = StatisticsPlaces.In((before, surveyBefore), (after, surveyAfter));

        TensorDifference[] statistics = [.. found.Tensors.Where(places.Hold)], tensors = [.. found.Tensors.Where(tensor => !places.Hold(tensor))];
        NodeDifference[] nodes = [.. found.Nodes.Where(node => !places.Hold(node))];
        DomainDifference[] domains = [.. DomainDifference.Between(firstBank, first, secondBank, second)];
        string[] other = [.. found.Other, .. DomainDifference.OfBanks(firstBank, secondBank)];
        bool isBankAltered = found.IsEmpty && domains.Length + other.Length == 0 && (firstBank ?? secondBank) is not null && !ModelDifferences.Between(first, second).IsEmpty;
        if (isBankAltered) other = ["the banks' own tensors or nodes, though source model and domains are the same"];
        bool sameShell = tensors.Length + nodes.Length + domains.Length + other.Length == 0;
        return new ModelComparison(
            first.Sha256, second.Sha256, found.IsEmpty && domains.Length + other.Length == 0, sameShell && found.Metadata.All(entry => entry.Key.StartsWith(Notes, StringComparison.Ordinal)),
            [.. LayerChange.Between(surveyBefore, surveyAfter)], statistics, tensors, nodes, found.Metadata, domains, other);
    }

    /// <summary>The comparison as indented JSON.</summary>
    public string ToJson() => ReportJson.Write(this);

    private static FormSurvey Survey(OnnxModel model) => FormSurvey.Of(model, NormalizationDiscovery.ReferenceFault(model) is null ? ReferenceStatistics.For(model, given: null) : null);
}
