using AdaBN.Domains;
using AdaBN.Onnx;

namespace AdaBN;

/// <summary>A domain that differs between two banks, or is in one only.</summary>
/// <param name="Id">The number that picks it.</param>
/// <param name="Before">Its name in the first bank; null where it is not there.</param>
/// <param name="After">Its name in the second; where both names are the same, its statistics differ.</param>
public sealed record DomainDifference(long Id, string? Before, string? After)
{
    internal static IEnumerable<DomainDifference> Between(DomainBank? first, OnnxModel firstModel, DomainBank? second, OnnxModel secondModel)
    {
        Dictionary<long, BankedDomain> before = ById(first), after = ById(second);
        foreach (long id in before.Keys.Union(after.Keys).Order())
        {
            (BankedDomain? old, BankedDomain? now) = (before.GetValueOrDefault(id), after.GetValueOrDefault(id));
            if (old != now || Statistics(firstModel, id) != Statistics(secondModel, id)) yield return new DomainDifference(id, old?.Name, now?.Name);
        }
    }

    /// <summary>What else differs between two banks, or a bank and a model that is none.</summary>
    internal static IEnumerable<string> OfBanks(DomainBank? first, DomainBank? second)
    {
        if (first is null && second is null) yield break;
        if (first is null || second is null)
        {
            yield return $"only the {(first is null ? "second" : "first")} is a bank of domains; its source model is compared";
            yield break;
        }
        if (first.InputName != second.InputName) yield return $"what picks domains: {first.InputName ?? "the image"}, {second.InputName ?? "the image"}";
        if (first.Unknown != second.Unknown) yield return $"what an unknown id does: {first.Unknown}, {second.Unknown}";
    }

    private static Dictionary<long, BankedDomain> ById(DomainBank? bank) => bank?.Domains.ToDictionary(domain => domain.Id) ?? [];

    private static string? Statistics(OnnxModel bank, long id) => bank.Metadata.FirstOrDefault(entry => entry.Key == BankHeader.KeyOf(id)).Value;
}
