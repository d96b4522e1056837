using Google.Protobuf;

namespace AdaBN.Onnx.Comparison;

/// <summary>Compares messages by the bytes they are stored in: their own equality does not tell a field at its default from one that is not there.</summary>
internal static class StoredBytes
{
    public static bool AreSame(IMessage? first, IMessage? second) =>
        first is null || second is null ? first == second : first.CalculateSize() == second.CalculateSize() && first.ToByteString().Equals(second.ToByteString());

    public static bool AreSame(IReadOnlyCollection<IMessage> first, IReadOnlyCollection<IMessage> second) => first.Count == second.Count && first.Zip(second).All(pair => AreSame(pair.First, pair.Second));
}
