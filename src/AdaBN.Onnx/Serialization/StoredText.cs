using System.Collections;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace AdaBN.Onnx.Serialization;

/// <summary>Text of a stored model. Protobuf's parser puts U+FFFD in the place of bytes that are no UTF-8, without a word; writing that back would change the file.</summary>
internal static class StoredText
{
    private const char Replacement = '\uFFFD';

    /// <exception cref="OnnxModelException">A text was changed by reading it.</exception>
    public static void Check(IMessage message, ReadOnlySpan<byte> file)
    {
        foreach (FieldDescriptor field in message.Descriptor.Fields.InDeclarationOrder())
        {
            if (field.FieldType is not (FieldType.String or FieldType.Message)) continue;
            object? value = field.Accessor.GetValue(message);
            if (value is not IList list) Check(value, file);
            else foreach (object one in list) Check(one, file);
        }
    }

    private static void Check(object? value, ReadOnlySpan<byte> file)
    {
        if (value is IMessage message) Check(message, file);
        else if (value is string text && text.Contains(Replacement) && file.IndexOf(Encoding.UTF8.GetBytes(text)) < 0)
            throw new OnnxModelException($"The text '{text}' in the model is no UTF-8. Give it a name of plain letters and export the model again.");
    }
}
