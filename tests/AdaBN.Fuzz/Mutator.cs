using System.Collections;
using AdaBN.Onnx.Serialization;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace AdaBN.Fuzz;

/// <summary>Damages models: in their fields (structure stays readable) and in their bytes.</summary>
internal sealed class Mutator(ModelProto[] corpus, Random random)
{
    private static readonly long[] Numbers = [0, 1, -1, 2, 3, 7, 255, 65536, int.MaxValue, int.MinValue, 1L << 31, 1L << 32, (1L << 32) + 1, 1L << 40, long.MaxValue, long.MinValue];

    private static readonly string[] Strings =
    [
        "", "x", "y", "../secret.bin", "/etc/passwd", "..", ".", "out/m.onnx", "m.onnx", "w\0.bin", "ai.onnx", "com.microsoft.nchwc", "BatchNormalization", "Relu", "Add", "Concat", "Conv", "Clip",
        "Reshape", "Pad", "Gemm", "MatMul", "If", "Loop", "Identity", "Constant", "Flatten", "Shape", "ConstantOfShape", "Expand", "Tile", "axis", "value", "training_mode", "1e9", "\uFFFD",
    ];

    /// <summary>The next damaged model.</summary>
    /// <param name="mildly">Little enough that many are still computed.</param>
    public byte[] Next(bool mildly)
    {
        ModelProto model = Pick(corpus).Clone();
        int edits = mildly ? random.Next(1, 3) : random.Next(5);
        for (int i = 0; i < edits; i++) Edit(model);
        byte[] bytes = model.ToByteArray();
        if (edits == 0 || random.Next(mildly ? 20 : 4) == 0) bytes = Damage(bytes);
        return bytes;
    }

    private void Edit(ModelProto model)
    {
        List<IMessage> messages = [];
        Collect(model, messages);
        IMessage message = Pick(messages);
        FieldDescriptor field = Pick(message.Descriptor.Fields.InDeclarationOrder());
        if (field.IsRepeated) EditList((IList)field.Accessor.GetValue(message), field, messages);
        else if (random.Next(8) == 0) field.Accessor.Clear(message);
        else field.Accessor.SetValue(message, NewValue(field, field.Accessor.GetValue(message), messages)!);
    }

    private void EditList(IList list, FieldDescriptor field, List<IMessage> messages)
    {
        if (list.Count == 0 || random.Next(6) == 0)
        {
            if (NewValue(field, null, messages) is { } added) list.Insert(random.Next(list.Count + 1), added);
            return;
        }
        int index = random.Next(list.Count), other = random.Next(list.Count);
        switch (random.Next(6))
        {
            case 0: list.RemoveAt(index); break;
            case 1: list.Insert(other, Copy(list[index]!)); break;
            case 2: (list[index], list[other]) = (Copy(list[other]!), Copy(list[index]!)); break;
            case 3 when random.Next(20) == 0: for (int i = 0; i < 3000; i++) list.Add(Copy(list[index]!)); break;
            case 4 when random.Next(4) == 0: list.Clear(); break;
            default: list[index] = NewValue(field, list[index], messages); break;
        }
    }

    private object? NewValue(FieldDescriptor field, object? old, List<IMessage> messages) => field.FieldType switch
    {
        FieldType.Int64 => random.Next(3) > 0 ? Pick(Numbers) : (old is long number ? number : 0) + random.Next(-2, 3),
        FieldType.Int32 => random.Next(2) == 0 ? random.Next(30) : (int)Pick(Numbers),
        FieldType.Float => Pick<float>([0, -1, 1e-30f, 1e30f, float.NaN, float.PositiveInfinity, random.NextSingle()]),
        FieldType.Double => Pick<double>([0, -1, 1e-300, 1e300, double.NaN, double.NegativeInfinity, random.NextDouble()]),
        FieldType.String => random.Next(2) == 0 ? Pick(Strings) : NameIn(messages),
        FieldType.Bytes => Resized((ByteString?)old ?? ByteString.Empty),
        _ => Copy(Pick<object>([.. messages.Where(message => message.Descriptor == field.MessageType), Activator.CreateInstance(field.MessageType.ClrType)!])),
    };

    private string NameIn(List<IMessage> messages) => Pick(messages) switch
    {
        NodeProto { Output: [var first, ..] } => first,
        NodeProto { Input: [var first, ..] } => first,
        TensorProto tensor => tensor.Name,
        ValueInfoProto info => info.Name,
        AttributeProto attribute => attribute.Name,
        StringStringEntryProto entry => entry.Value,
        _ => new string('n', random.Next(2000)),
    };

    private ByteString Resized(ByteString bytes)
    {
        byte[] array = bytes.ToByteArray();
        if (array.Length > 0 && random.Next(2) == 0) random.NextBytes(array.AsSpan(random.Next(array.Length)));
        else Array.Resize(ref array, Math.Max(0, array.Length + random.Next(-9, 10)));
        return ByteString.CopyFrom(array);
    }

    private byte[] Damage(byte[] bytes)
    {
        List<byte> damaged = [.. bytes];
        for (int i = random.Next(1, 6); i > 0 && damaged.Count > 0; i--)
        {
            int at = random.Next(damaged.Count), length = Math.Min(random.Next(1, 40), damaged.Count - at);
            switch (random.Next(7))
            {
                case 0: damaged[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: damaged[at] = (byte)random.Next(256); break;
                case 2: damaged.RemoveRange(at, damaged.Count - at); break;
                case 3: damaged.RemoveRange(at, length); break;
                case 4: damaged.InsertRange(at, damaged.GetRange(random.Next(damaged.Count - length + 1), length)); break;
                case 5: damaged.InsertRange(at, [0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]); break; // a graph of two gigabytes begins
                default: damaged.InsertRange(at, Enumerable.Repeat((byte)0x0B, random.Next(500))); break; // groups within groups
            }
        }
        return [.. damaged];
    }

    private static void Collect(IMessage message, List<IMessage> found)
    {
        found.Add(message);
        foreach (FieldDescriptor field in message.Descriptor.Fields.InDeclarationOrder().Where(field => field.FieldType == FieldType.Message))
        {
            object? value = field.Accessor.GetValue(message);
            if (value is IMessage inner) Collect(inner, found);
            else if (value is IEnumerable list) foreach (IMessage one in list) Collect(one, found);
        }
    }

    private static object Copy(object value) => value is IMessage message ? message.Descriptor.Parser.ParseFrom(message.ToByteArray()) : value;

    private T Pick<T>(ICollection<T> list) => list.ElementAt(random.Next(list.Count));
}
