using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Rewriting;

/// <summary>
/// What a search tries, the mildest first: in the k shallowest layers, for a few k, batch-instance normalization from nearly the layer as it is to
/// instance normalization, and IBN-a. AdaIN toward the source is not among them: it computes the same as instance normalization, at more cost.
/// </summary>
internal static class RewriteCandidates
{
    private static readonly double[] _batchShares = [0.75, 0.5, 0.25];

    /// <param name="model">The model.</param>
    /// <param name="filter">Chooses the layers, or null.</param>
    /// <param name="shares">ρ in closed form, by layer.</param>
    /// <exception cref="AdaptationException">No layer can be rewritten.</exception>
    public static IReadOnlyList<RewriteOfLayers> Of(OnnxModel model, Func<NormalizationLayer, bool>? filter, IReadOnlyDictionary<int, IReadOnlyList<double>> shares)
    {
        RewriteReport report = NormalizationRewriter.Rewrite(model, NormalizationRewrite.ToInstanceNorm with { LayerFilter = filter }).Report;
        int[] layers = [.. report.Layers.Where(layer => layer.LeftBecause is null).Select(layer => layer.Index)];
        return [.. Counts(layers.Length).SelectMany(count => Kinds(shares, count).Select(kind => In(layers[..count], layers.Length, kind)))];
    }

    private static IEnumerable<int> Counts(int all) => new[] { 1, 2, (all + 2) / 3, (all + 1) / 2, all }.Where(count => count <= all).Distinct().Order();

    private static IEnumerable<NormalizationRewrite> Kinds(IReadOnlyDictionary<int, IReadOnlyList<double>> shares, int layers) =>
    [
        NormalizationRewrite.ToBatchInstanceNorm(shares), .. _batchShares.Select(NormalizationRewrite.ToBatchInstanceNorm),
        NormalizationRewrite.ToInstanceBatchNorm(layers), NormalizationRewrite.ToInstanceNorm,
    ];

    private static RewriteOfLayers In(int[] layers, int all, NormalizationRewrite kind)
    {
        string where = layers.Length == all ? (all == 1 ? "" : " in all layers") : layers.Length == 1 ? " in the shallowest layer" : string.Create(CultureInfo.InvariantCulture, $" in the {layers.Length} shallowest layers");
        return new RewriteOfLayers(kind with { Description = kind.Description + where, FirstLayers = null, LayerFilter = layer => layers.Contains(layer.Index) }, layers.Length);
    }
}

/// <summary>A rewrite and how many layers it is for.</summary>
internal sealed record RewriteOfLayers(NormalizationRewrite Rewrite, int Layers);
